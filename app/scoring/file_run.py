"""Scoring a whole file: in chunks, two of which are on the way; rows out in the file's order."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.core.gate import Gate
from app.errors import InputError, ScorerUnavailable
from app.files import BadRow, RejectsFile
from app.ports import Scorer
from app.scoring.each import score_each
from app.scoring.judged import Judged, judge_row
from app.scoring.pairs_file import PairRow, PairsFile
from app.scoring.results_file import ResultsFile
from app.scoring.summary import Summary

#: Chunks on the way: while one is scored, the next is ready.
_ON_THE_WAY = 2
#: A chunk ends early at so many characters: rows may be of megabytes.
_CHUNK_CHARACTERS = 2_000_000
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.5, 10.0


@dataclass
class Totals:
    """What a run over a file did."""

    file: Path
    out: Path | None
    summary: Summary = field(default_factory=Summary)
    scorer: str = ""
    resumed: int = 0
    bad_rows: int = 0
    rejects: Path | None = None
    seconds: float = 0.0
    interrupted: bool = False

    @property
    def pairs_per_second(self) -> float:
        """Speed of what was scored in this run, the model loaded."""
        return (self.summary.pairs - self.resumed) / self.seconds if self.seconds else 0.0

    def as_json(self, gate: Gate) -> dict[str, Any]:
        return {
            "file": str(self.file),
            "out": str(self.out) if self.out else None,
            **self.summary.as_json(gate),
            "scorer": self.scorer,
            "resumed": self.resumed,
            "bad_rows": self.bad_rows,
            "rejects": str(self.rejects) if self.rejects else None,
            "seconds": round(self.seconds, 3),
            "pairs_per_second": round(self.pairs_per_second, 2),
            "interrupted": self.interrupted,
        }


class FileRun:
    """One run over one file, by a scorer that has been checked: it has its name.

    `watch` is called after each chunk, and `bad` for each row that can't be read. A scorer that
    is away is waited for, up to `patience_seconds` at a time.
    """

    def __init__(
        self,
        pairs: PairsFile,
        results: ResultsFile | None,
        scorer: Scorer,
        gate: Gate,
        guards: tuple[str, ...],
        *,
        chunk: int = 256,
        patience_seconds: float = 120.0,
        watch: Callable[[Totals], object] = lambda _: None,
        bad: Callable[[BadRow], object] = lambda _: None,
    ) -> None:
        self._pairs = pairs
        self._results = results
        self._scorer = scorer
        self._gate = gate
        self._guards = guards
        self._chunk = chunk
        self._patience = patience_seconds
        self._watch = watch
        self._bad = bad
        self.totals = Totals(pairs.path, results.path if results else None, scorer=scorer.name)

    async def run(self, stop: asyncio.Event) -> Totals:
        """Score to the end, or until `stop`; what was scored is then written, and counted.

        Raises InputError when the results of an earlier run are not of this file, scorer or gate,
        and ScorerUnavailable when the scorer stays away.
        """
        totals = self.totals
        rejects_path = totals.file.with_name(f"{totals.file.stem}.rejects.csv")
        with ExitStack() as files:
            rejects = files.enter_context(RejectsFile(rejects_path))
            rows = self._good_rows(rejects)
            if self._results is not None:
                files.enter_context(self._results)
                await self._take_over(self._results, rows, stop)
            began = time.monotonic()
            try:
                if not stop.is_set():
                    await self._score_all(rows, stop)
            finally:
                totals.seconds = time.monotonic() - began
        return totals

    def _good_rows(self, rejects: RejectsFile) -> Iterator[PairRow | None]:
        """Give the good rows, and None for each other one: many of them must not stop the rest."""
        for row in self._pairs:
            if isinstance(row, BadRow):
                rejects.add(row)
                self.totals.bad_rows += 1
                self.totals.rejects = rejects.path
                self._bad(row)
                yield None
            else:
                yield row

    async def _take_over(
        self, results: ResultsFile, rows: Iterator[PairRow | None], stop: asyncio.Event
    ) -> None:
        """Count what an earlier run wrote, and go past it in the file."""
        for kept in results.earlier():
            row = next((each for each in rows if each is not None), None)
            judged = None if row is None else self._judged(row, results.outcome(kept))
            if judged is None or not results.holds(kept, judged, self._scorer.name):
                raise InputError(
                    f"{results.path} is no earlier part of this: its row of line {kept['line']} "
                    f"is of another file, scorer, gate or guards. --fresh begins anew, or name "
                    "another --out",
                    field="out",
                )
            self.totals.summary.add(judged)
            self.totals.resumed += 1
            if self.totals.resumed % self._chunk == 0:
                self._watch(self.totals)
                await asyncio.sleep(0)
                if stop.is_set():
                    self.totals.interrupted = True
                    return
        results.open()

    async def _score_all(self, rows: Iterator[PairRow | None], stop: asyncio.Event) -> None:
        stopped = asyncio.ensure_future(stop.wait())
        on_the_way: deque[asyncio.Task[list[Judged]]] = deque()
        ended = False
        try:
            while not stop.is_set():
                while not ended and len(on_the_way) < _ON_THE_WAY:
                    chunk, ended = self._next_chunk(rows)
                    if chunk:
                        on_the_way.append(asyncio.create_task(self._scored(chunk)))
                    await asyncio.sleep(0)
                if not on_the_way:
                    return
                await asyncio.wait({on_the_way[0], stopped}, return_when=asyncio.FIRST_COMPLETED)
                if on_the_way[0].done():
                    self._keep(on_the_way.popleft().result())
            self.totals.interrupted = True
        finally:
            for each in (stopped, *on_the_way):
                each.cancel()
            await asyncio.gather(stopped, *on_the_way, return_exceptions=True)

    def _next_chunk(self, rows: Iterator[PairRow | None]) -> tuple[list[PairRow], bool]:
        """Return the next rows, and whether the file ends with them."""
        chunk: list[PairRow] = []
        room, characters = self._chunk, _CHUNK_CHARACTERS
        while room > 0 and characters > 0:
            row = next(rows, _END)
            if isinstance(row, _End):
                return chunk, True
            room -= 1
            if row is not None:
                chunk.append(row)
                characters -= len(row.candidate) + len(row.reference or "")
        return chunk, False

    async def _scored(self, chunk: list[PairRow]) -> list[Judged]:
        asked = [(row.candidate, row.reference) for row in chunk if row.reference is not None]
        found = iter(await self._patiently(asked))
        return [self._judged(row, None if row.reference is None else next(found)) for row in chunk]

    async def _patiently(self, pairs: list[tuple[str, str]]) -> list[Any]:
        pause, until = _FIRST_PAUSE_SECONDS, time.monotonic() + self._patience
        while True:
            try:
                return list(await score_each(self._scorer, pairs))
            except ScorerUnavailable:
                if time.monotonic() >= until:
                    raise
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    def _judged(self, row: PairRow, outcome: Any) -> Judged:
        return judge_row(row, outcome, self._gate, self._guards)

    def _keep(self, judged: list[Judged]) -> None:
        if self._results is not None:
            self._results.add(judged, self._scorer.name)
        for each in judged:
            self.totals.summary.add(each)
        self._watch(self.totals)


class _End:
    """After the last row."""


_END = _End()
