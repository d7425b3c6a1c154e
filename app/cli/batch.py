"""The work of `run`: rows in through a window, every one to its end, results out in input order."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from app.cli.engine import Asker
from app.cli.progress import BatchProgress
from app.cli.run_ids import finish_run, run_id_for
from app.core.costs import Costs, costs_json, merged
from app.core.gate import Metric
from app.core.identity import RunRows
from app.core.identity import question_id as id_of
from app.core.lifecycle import Status
from app.files import BadRow, Layout, QuestionRow, RejectsFile, read_questions, write_results
from app.intake import NewQuestion
from app.settings import Settings

if TYPE_CHECKING:
    from app.quality_report.builder import Report

#: The tail of `llm-requests` is kept short, so that retries and regenerations soon have their turn.
WINDOW_PER_CALL = 4
#: Questions that wait for a retry leave the window, but not without bound.
MAX_PENDING = 10_000
_LOOK_SECONDS = 2.0
_WRITE_BATCH = 500
#: The final states, by what there is to see in a question of each.
_TELLING = (Status.DEAD, Status.LOW_QUALITY, Status.VALIDATED, Status.UNSCORED)


def _first_of(errors: BaseExceptionGroup) -> BaseException:
    """Return one error of a group that may hold groups: callers know errors, not groups."""
    first: BaseException = errors
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return first


@dataclass
class Totals:
    """What a run did."""

    file: Path
    out: Path | None
    report: Path | None = None
    rows: int = 0
    bad_rows: int = 0
    rejects: Path | None = None
    #: What the scorer of the answers calls itself; empty: nothing was scored.
    scorer: str = ""
    counts: Counter[str] = field(default_factory=Counter)
    answered_before: int = 0
    #: Of those with a score: how many, the sum of F1, and that of the metric each was judged by.
    scored: Counter[str] = field(default_factory=Counter)
    f1_sum: Counter[str] = field(default_factory=Counter)
    score_sum: Counter[str] = field(default_factory=Counter)
    metrics: set[Metric] = field(default_factory=set)
    #: Of `dead` questions, and the guards of those `low_quality` ones that one objected to.
    causes: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    tokens: int = 0
    costs: dict[str, Costs] = field(default_factory=dict)
    #: A question to look at: the last one of the state that tells most.
    example: str = ""
    seconds: float = 0.0
    interrupted: bool = False
    figures: dict[str, Any] = field(default_factory=dict)

    def add(self, row: dict[str, Any]) -> None:
        """Count a question that ended."""
        status = row["status"]
        if not any(self.counts[each] for each in _TELLING[: _TELLING.index(status)]):
            self.example = row.get("question_id", "")
        self.counts[status] += 1
        self.scorer = row.get("scorer") or self.scorer
        if row.get("cause"):
            self.causes[status][row["cause"]] += 1
        if row.get("f1") is not None:
            metric = Metric(row.get("metric") or Metric.F1)
            self.metrics.add(metric)
            self.scored[status] += 1
            self.f1_sum[status] += row["f1"]
            self.score_sum[status] += row[metric]
        self.tokens += sum(a.get("tokens") or 0 for a in row.get("attempts", ()))

    @property
    def metric(self) -> Metric | None:
        """What the gate went by; None without scores, or where an earlier gate went by another."""
        return next(iter(self.metrics)) if len(self.metrics) == 1 else None

    def mean(self, sums: Counter[str]) -> dict[str, float]:
        """Return the means of `f1_sum` or `score_sum`, by state."""
        return {str(s): sums[s] / self.scored[s] for s in Status if self.scored[s]}

    def as_json(self) -> dict[str, Any]:
        return {
            "file": str(self.file),
            "out": str(self.out) if self.out else None,
            "report": str(self.report) if self.report else None,
            "rows": self.rows,
            "bad_rows": self.bad_rows,
            "rejects": str(self.rejects) if self.rejects else None,
            "counts": {str(s): self.counts[s] for s in Status if s.final or self.counts[s]},
            "answered_before": self.answered_before,
            "mean_f1": self.mean(self.f1_sum),
            "mean_score": self.mean(self.score_sum),
            "metric": self.metric,
            "dead_by_cause": dict(self.causes[Status.DEAD]),
            "low_quality_by_cause": dict(self.causes[Status.LOW_QUALITY]),
            "tokens": self.tokens,
            "costs": costs_json(self.costs),
            "seconds": round(self.seconds, 3),
            "interrupted": self.interrupted,
            "figures": self.figures,
        }


class _End(NamedTuple):
    """A question's end; `before`: it was stored when the row was submitted."""

    found: dict[str, Any]
    before: bool


class _Place:
    """A row's place in the window of rows that are being asked; given away once."""

    def __init__(self, window: asyncio.Semaphore) -> None:
        self._window: asyncio.Semaphore | None = window

    def give_away(self) -> None:
        if self._window is not None:
            self._window.release()
            self._window = None


class Batch:
    """One run over one file."""

    def __init__(
        self,
        engine: Asker,
        settings: Settings,
        totals: Totals,
        progress: BatchProgress,
        *,
        fresh: bool,
    ) -> None:
        self._engine = engine
        self._settings = settings
        self._totals = totals
        self._progress = progress
        self._fresh = fresh
        self._ids: list[str | None] = []
        self._window = asyncio.Semaphore(WINDOW_PER_CALL * settings.llm_concurrency)
        self._pending = asyncio.Semaphore(MAX_PENDING)
        self._stop = asyncio.Event()
        #: Questions in progress by what they ask, and those that died in this run.
        self._firsts: dict[str, asyncio.Future[_End]] = {}

    async def run(self, file: Path, layout: Layout, limit: int | None) -> None:
        """Submit every good row and see each to its end. Ctrl-C stops early, and cleanly."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stop.set)
        run_id = run_id_for(self._settings, file) if self._fresh else None
        try:
            async with asyncio.TaskGroup() as group:
                work = group.create_task(self._submit_all(file, layout, limit, run_id))
                look = group.create_task(self._look_for_trouble())
                stop = group.create_task(self._stop.wait())
                await asyncio.wait({work, stop}, return_when=asyncio.FIRST_COMPLETED)
                self._totals.interrupted = not work.done()
                for task in (work, stop, look):
                    task.cancel()
        except BaseExceptionGroup as errors:
            raise _first_of(errors) from None
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)
        if run_id is not None and not self._totals.interrupted:
            finish_run(self._settings, file, run_id)

    async def _look_for_trouble(self) -> None:
        """Tell, while the run goes on, what it waits for: its log shows errors only."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            self._progress.troubles(await self._engine.troubles())

    async def _submit_all(
        self, file: Path, layout: Layout, limit: int | None, run_id: str | None
    ) -> None:
        rejects_path = file.with_name(f"{file.stem}.rejects.csv")
        keys = None if run_id is None else RunRows(run_id)
        with RejectsFile(rejects_path) as rejects:
            async with asyncio.TaskGroup() as group:
                for row in read_questions(file, layout):
                    if isinstance(row, BadRow):
                        rejects.add(row)
                        self._totals.bad_rows += 1
                        self._totals.rejects = rejects_path
                        self._progress.bad_row(row.line, row.reason)
                        await asyncio.sleep(0)  # a long run of them must not stop the rest
                        continue
                    if limit is not None and self._totals.rows >= limit:
                        break
                    await self._window.acquire()
                    await self._pending.acquire()
                    index = self._totals.rows
                    self._totals.rows += 1
                    self._ids.append(None)
                    key = keys.key(row) if keys is not None else None
                    group.create_task(self._one(index, row, key))

    async def _one(self, index: int, row: QuestionRow, key: str | None) -> None:
        """See one row to its end. A question that waits for a retry gives its place away.

        Equal rows share one end: what died in this run is not asked again by the next equal row.
        """
        place = _Place(self._window)
        asked = key or id_of(row.question_text, row.original_answer, "")
        first = self._firsts.get(asked)
        try:
            if first is None:
                new = NewQuestion(row.question_text, row.original_answer, row.metadata)
                end = await self._first(index, asked, new, key, place)
            else:
                place.give_away()
                end = await asyncio.shield(first)
            self._ids[index] = end.found["question_id"]
            self._totals.answered_before += end.before
            self._totals.add(end.found)
            self._progress.done(index, end.found["status"])
        finally:
            place.give_away()
            self._pending.release()

    async def _first(
        self, index: int, asked: str, new: NewQuestion, key: str | None, place: _Place
    ) -> _End:
        """Ask for a row that has no equal in progress, and tell its equals."""
        mine = self._firsts[asked] = asyncio.get_running_loop().create_future()
        try:
            end = await self._end_of(index, new, key, place)
            mine.set_result(end)
        finally:
            if not mine.done():
                mine.cancel()
        if end.found["status"] != Status.DEAD:  # the store gives it to the next equal row
            del self._firsts[asked]
        return end

    async def _end_of(self, index: int, new: NewQuestion, key: str | None, place: _Place) -> _End:
        found = await self._engine.submit(new, key=key)
        self._ids[index] = found["question_id"]
        before = Status(found["status"]).final
        while not Status(found["status"]).final:
            found = await self._engine.wait(found["question_id"], _LOOK_SECONDS)
            self._progress.state(index, found["status"])
            if found["status"] == Status.WAITING:
                place.give_away()
        return _End(found, before)

    async def add_up(self) -> None:
        """Put into the totals what these questions cost, from their first call on."""
        ids = list(dict.fromkeys(each for each in self._ids if each))
        for start in range(0, len(ids), _WRITE_BATCH):
            part = await self._engine.costs(ids[start : start + _WRITE_BATCH])
            self._totals.costs = merged([self._totals.costs, part])

    async def write(self, out: Path, *, spreadsheet: bool = False) -> None:
        """Write one result for each good row, in input order."""
        rows = self._rows(asyncio.get_running_loop())
        await asyncio.to_thread(write_results, out, rows, spreadsheet=spreadsheet)

    async def report(self, report: Report) -> None:
        """Add the questions of these rows to a report, in input order, and what they cost."""
        rows = self._rows(asyncio.get_running_loop())

        def add_all() -> None:
            for row in rows:
                report.add(row)

        await asyncio.to_thread(add_all)
        report.figures.tell_costs(self._totals.costs)

    def _rows(self, loop: asyncio.AbstractEventLoop) -> Iterator[dict[str, Any]]:
        """Give the results; to be read in another thread than the loop's."""
        for start in range(0, len(self._ids), _WRITE_BATCH):
            ids = [each for each in self._ids[start : start + _WRITE_BATCH] if each]
            asked = asyncio.run_coroutine_threadsafe(
                self._engine.questions(list(dict.fromkeys(ids))), loop
            )
            found = {row["question_id"]: row for row in asked.result()}
            yield from (found[each] for each in ids)
