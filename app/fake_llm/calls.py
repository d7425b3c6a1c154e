"""The call log: a JSONL file that can be read whatever was killed, and the figures of all calls."""

from __future__ import annotations

import secrets
import time
from collections import Counter
from dataclasses import asdict, dataclass, field, fields
from io import FileIO
from pathlib import Path
from typing import Any

import orjson

from app.fake_llm.steps import Call

_KNOWN = {each.name for each in fields(Call)}


class CallLog:
    """Every call, in memory and (with `path`) in a file: a line as it begins, a line as it ends.

    The later line of an id holds its end. Ids differ between processes, so several may append to
    one file. Only the last `keep` calls stay in memory (None: all).
    """

    def __init__(self, path: Path | None = None, keep: int | None = None) -> None:
        self.kept: list[Call] = []
        self.tally = Tally()
        self._dropped = 0
        self._keep = keep
        self._run = secrets.token_hex(4)
        self._path = path
        self._file: FileIO | None = None

    def open(self) -> None:
        """Open the file, if there is to be one. Raises OSError."""
        if self._path is not None and self._file is None:
            self._file = FileIO(self._path, "a")

    def begin(self, call: Call) -> None:
        """Give the call its id and keep it."""
        self.tally.begin(call.question)
        call.id = f"{self._run}-{self.tally.calls}"
        self.kept.append(call)
        if self._keep is not None and len(self.kept) > 2 * self._keep:
            self._dropped += len(self.kept) - self._keep
            del self.kept[: -self._keep]
        self._write(call)

    def end(self, call: Call, outcome: str, status: int | None = None) -> None:
        """Say how the call ended; only the first end counts."""
        if call.ended is not None:
            return
        call.ended, call.outcome, call.status = time.time(), outcome, status
        self.tally.end(call)
        self._write(call)

    def since(self, position: int) -> tuple[list[Call], int]:
        """Return the calls from the `position`-th on that are still in memory, and the next one."""
        start = max(0, position - self._dropped)
        return self.kept[start:], self._dropped + len(self.kept)

    def clear(self) -> None:
        """Forget all calls and figures; the file stays, and open calls stay open in the figures."""
        self._dropped = 0
        self.kept.clear()
        self.tally = Tally(in_flight=self.tally.in_flight, most_in_flight=self.tally.in_flight)
        self._run = secrets.token_hex(4)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _write(self, call: Call) -> None:
        if self._file is not None:
            self._file.write(orjson.dumps(call_document(call)) + b"\n")


@dataclass(slots=True)
class Tally:
    """Running figures of a call log."""

    calls: int = 0
    in_flight: int = 0
    most_in_flight: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    modes: Counter[str] = field(default_factory=Counter)
    questions: Counter[str] = field(default_factory=Counter)

    def begin(self, question: str) -> None:
        """Count a call that begins."""
        self.calls += 1
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        self.questions[question] += 1

    def end(self, call: Call) -> None:
        """Count a call that ended."""
        self.in_flight -= 1
        self.outcomes[call.outcome] += 1
        if call.status is not None:
            self.statuses[call.status] += 1
        if call.mode is not None:
            self.modes[call.mode] += 1

    def document(self) -> dict[str, Any]:
        """Return the figures as JSON shows them. `repeated`: calls beyond a question's first."""
        return {
            "calls": self.calls,
            "in_flight": self.in_flight,
            "most_in_flight": self.most_in_flight,
            "outcomes": dict(self.outcomes),
            "statuses": {str(status): count for status, count in sorted(self.statuses.items())},
            "modes": dict(self.modes),
            "questions": len(self.questions),
            "repeated": self.calls - len(self.questions),
        }


def call_document(call: Call) -> dict[str, Any]:
    """Return a call as JSON shows it; of the caller's key only whether there was one."""
    return {**asdict(call), "authorization": call.authorization is not None}


def read_calls(path: Path) -> list[Call]:
    """Return the calls of a log file in the order in which they began.

    A last line that a kill has cut is passed over; a call whose end is not there is `open`.
    """
    found: dict[str, Call] = {}
    with path.open("rb") as file:
        for line in file:
            if not line.endswith(b"\n"):
                break
            document = orjson.loads(line)
            document["authorization"] = "***" if document.get("authorization") else None
            call = Call(**{name: value for name, value in document.items() if name in _KNOWN})
            found[call.id] = call
    return list(found.values())
