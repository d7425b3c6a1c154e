"""What a check says: how it stands, what was seen, and what mends it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal


class Status(StrEnum):
    """How a check ended. `skipped`: there was nothing to look at; `broken`: the check itself."""

    OK = "ok"
    SKIPPED = "skipped"
    WARNING = "warning"
    PROBLEM = "problem"
    BROKEN = "broken"

    @property
    def is_bad(self) -> bool:
        """Whether something does not work."""
        return self in (Status.PROBLEM, Status.BROKEN)


_SEVERITY = list(Status)


@dataclass(frozen=True, slots=True)
class Mend:
    """What to do: a `command` as it is typed, a `setting` as it is written, or advice in words."""

    kind: Literal["command", "setting", "advice"]
    text: str

    def as_json(self) -> dict[str, str]:
        return {"kind": self.kind, "text": self.text}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a check ended; `mends` are in the order in which they are to be done."""

    status: Status
    seen: str
    mends: tuple[Mend, ...] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of a check that has a name, and the seconds that it took."""

    check: str
    area: str
    outcome: Outcome
    seconds: float

    def as_json(self) -> dict[str, Any]:
        return {
            "check": self.check,
            "area": self.area,
            "status": str(self.outcome.status),
            "seen": self.outcome.seen,
            "mends": [mend.as_json() for mend in self.outcome.mends],
            "seconds": round(self.seconds, 3),
        }


def command(text: str) -> Mend:
    return Mend("command", text)


def setting(text: str) -> Mend:
    return Mend("setting", text)


def advice(text: str) -> Mend:
    return Mend("advice", text)


def ok(seen: str) -> Outcome:
    return Outcome(Status.OK, seen)


def skipped(why: str) -> Outcome:
    return Outcome(Status.SKIPPED, why)


def warning(seen: str, *mends: Mend) -> Outcome:
    return Outcome(Status.WARNING, seen, mends)


def problem(seen: str, *mends: Mend) -> Outcome:
    return Outcome(Status.PROBLEM, seen, mends)


def together(outcomes: Iterable[Outcome], otherwise: str) -> Outcome:
    """Return several findings of one check as one: the worst status, all mends once.

    `otherwise` is what was seen when nothing was found.
    """
    found = list(outcomes)
    if not found:
        return ok(otherwise)
    mends = dict.fromkeys(mend for each in found for mend in each.mends)
    return Outcome(worst(each.status for each in found), _joined(found), tuple(mends))


def worst(statuses: Iterable[Status]) -> Status:
    """Return the gravest status; ok of none."""
    return max(statuses, key=_SEVERITY.index, default=Status.OK)


def _joined(found: list[Outcome]) -> str:
    return "; ".join(dict.fromkeys(each.seen for each in found))
