"""A scorer behind a bounded queue: the pairs of all requests share batches."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Sequence

from app.adapters.batching import Batcher
from app.core.backlog import ComeBack
from app.core.gate import Score
from app.errors import ScoreFailure, ScorerUnavailable
from app.metrics import Metrics
from app.ports import Scorer
from app.scoring.each import Pair, score_each

#: The last batches, by which the speed is known.
_BATCHES = 32
#: Of a loaded scorer whose first batch has not ended.
_ASSUMED_PER_SECOND = 50.0
_STOPPING_SECONDS = 1.0
#: For the batch that runs when everything else has ended.
_CLOSE_SECONDS = 2.0


class _Taken:
    """A pair that was let in."""

    __slots__ = ("begun", "pair")

    def __init__(self, pair: Pair) -> None:
        self.pair = pair
        self.begun = False


class ScoreQueue:
    """A Scorer that gives `scorer` batches of at most `max_batch` pairs, whoever sent them.

    `max_pairs` are held at most, waiting or being scored. A call that would make it more is refused
    with ScorerUnavailable, which says when to come back; a larger one has to come alone. A call
    that is cancelled takes its pairs along, unless their batch runs already.
    """

    def __init__(
        self, scorer: Scorer, metrics: Metrics, *, max_pairs: int = 1024, max_batch: int = 64
    ) -> None:
        self._scorer = scorer
        self._metrics = metrics
        self._max_pairs = max_pairs
        self._max_batch = max_batch
        self._batcher = Batcher[_Taken, Score](self._run_batch, max_size=max_batch)
        self._held = 0
        self._empty = asyncio.Event()
        self._empty.set()
        self._speeds: deque[tuple[int, float]] = deque(maxlen=_BATCHES)
        self._come_back = ComeBack()
        self._loaded = False
        self._stopping = False
        metrics.watch("score_queue", lambda: self._held)
        metrics.watch("score_fill", self._fill)

    @property
    def name(self) -> str:
        """The scorer's own."""
        return self._scorer.name

    @property
    def library(self) -> str:
        """The scorer's own."""
        return self._scorer.library

    @property
    def held(self) -> int:
        """Pairs that were let in and are not answered yet."""
        return self._held

    @property
    def full(self) -> bool:
        """Whether there is no place for one more pair."""
        return self._held >= self._max_pairs

    async def score(self, pairs: Sequence[Pair]) -> list[Score]:
        """Score pairs in order. Raises ScorerUnavailable, or ScoreFailure when one has no score."""
        if not pairs:
            return []
        self._let_in(len(pairs))
        taken = [_Taken(pair) for pair in pairs]
        try:
            waiting = [self._batcher.put(each) for each in taken]
            results = await asyncio.gather(*waiting, return_exceptions=True)
        except asyncio.CancelledError:
            dropped = sum(not each.begun for each in taken)
            self._metrics.count("score_pairs_dropped", by=dropped)
            raise
        finally:
            self._held -= len(pairs)
            if not self._held:
                self._empty.set()
        return _all_scores(results)

    def _let_in(self, count: int) -> None:
        if self._stopping:
            raise _stops()
        excess = self._held + count - self._max_pairs
        if self._held and excess > 0:
            self._metrics.count("score_requests_refused")
            after = self._come_back.after(time.monotonic(), excess, self._per_second())
            raise ScorerUnavailable(
                f"{self._held} pairs wait here, and {self._max_pairs} may: "
                f"come back in {after} s, or score elsewhere",
                retry_after_seconds=after,
            )
        self._held += count
        self._empty.clear()

    async def _run_batch(self, batch: list[_Taken]) -> list[Score | Exception]:
        for each in batch:
            each.begun = True
        if not self._loaded:  # no time of scoring: that tells who is refused when to come back
            await self.check()
        began = time.perf_counter()
        try:
            found = await score_each(self._scorer, [each.pair for each in batch])
        finally:
            seconds = time.perf_counter() - began
            self._metrics.count("score_batches")
            self._metrics.count("score_seconds", by=seconds)
            self._speeds.append((len(batch), seconds))
        failures = sum(isinstance(each, ScoreFailure) for each in found)
        self._metrics.count("score_pairs", by=len(batch) - failures)
        self._metrics.count("score_failures", by=failures)
        return list(found)

    def _per_second(self) -> float | None:
        """Return how many pairs it scores in a second while it works; None: not known yet."""
        seconds = sum(seconds for _, seconds in self._speeds)
        if not seconds:
            return _ASSUMED_PER_SECOND if self._loaded else None
        return sum(pairs for pairs, _ in self._speeds) / seconds

    def _fill(self) -> float:
        batches = self._metrics.total("score_batches")
        pairs = self._metrics.total("score_pairs") + self._metrics.total("score_failures")
        return pairs / (batches * self._max_batch) if batches else 0.0

    async def check(self) -> str:
        """Load the scorer if need be. Raises ScorerUnavailable."""
        detail = await self._scorer.check()
        self._loaded = True
        return detail

    async def stop(self, grace_seconds: float) -> None:
        """Take no more, and score what was taken: what takes longer is told to come again."""
        self._stopping = True
        try:
            await asyncio.wait_for(self._empty.wait(), grace_seconds)
        except TimeoutError:
            self._batcher.give_up(_stops())

    async def close(self) -> None:
        """Score what was taken, and free the scorer; a load or batch that hangs is left behind."""
        self._stopping = True
        for ending in (self._batcher.close(), self._scorer.close()):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(ending, _CLOSE_SECONDS if self._loaded else 0.1)


def _stops() -> ScorerUnavailable:
    return ScorerUnavailable("it stops", retry_after_seconds=_STOPPING_SECONDS)


def _all_scores(results: Sequence[Score | BaseException]) -> list[Score]:
    scores: list[Score] = []
    for result in results:
        if isinstance(result, BaseException):
            raise result
        scores.append(result)
    return scores
