"""The client's ledger: one line for every question that a worker answered with 202, on disk."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO


@dataclass(frozen=True, slots=True)
class AcceptedQuestion:
    """What the client knows of a question. `expected` is the end that it must come to."""

    number: int
    question_id: str
    key: str
    text: str
    expected: str
    accepted_at: float


class ClientLedger:
    """Appends lines; what `write` has returned for is on disk, whatever becomes of this process."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: IO[str] = path.open("a", encoding="utf-8")
        self._syncing = asyncio.Lock()
        self._written = 0
        self._synced = 0

    async def write(self, accepted: AcceptedQuestion) -> None:
        """Return when the line is on disk; many waiters share one sync."""
        self._file.write(json.dumps(asdict(accepted), ensure_ascii=False) + "\n")
        self._file.flush()
        self._written += 1
        mine = self._written
        async with self._syncing:
            if self._synced < mine:
                upto = self._written
                await asyncio.to_thread(os.fsync, self._file.fileno())
                self._synced = upto

    def close(self) -> None:
        self._file.close()


def read_ledger(path: Path) -> Iterator[AcceptedQuestion]:
    """Read a ledger; a last line that a crash cut off is no promise."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            if line.endswith("\n"):
                yield AcceptedQuestion(**json.loads(line))
