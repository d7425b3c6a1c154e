"""A scorer in memory: token overlap, not BERTScore. The twin of the real ones, for tests."""

from __future__ import annotations

import asyncio
import re
from collections import Counter, deque
from collections.abc import Iterable, Sequence

from app.core.gate import Score
from app.errors import AnswerloopError, ScorerUnavailable

_WORD = re.compile(r"\w+")


class OverlapScorer:
    """Precision, recall and F1 of the words that two texts share; deterministic, no model.

    `faults` are raised by the first calls of `score`, in order; `fixed` is every pair's F1,
    precision and recall when it is given. While `available` is False every call raises
    ScorerUnavailable. `calls` lists the pairs of each call.
    """

    def __init__(
        self,
        faults: Iterable[AnswerloopError] = (),
        *,
        fixed: float | None = None,
        seconds: float = 0.0,
    ) -> None:
        self.faults = deque(faults)
        self.fixed = fixed
        self.available = True
        self.calls: list[list[tuple[str, str]]] = []
        self._seconds = seconds

    @property
    def name(self) -> str:
        """`overlap:0`."""
        return "overlap:0"

    @property
    def library(self) -> str:
        """`answerloop overlap`: no library's figures."""
        return "answerloop overlap"

    async def score(self, pairs: Sequence[tuple[str, str]]) -> list[Score]:
        """Score pairs in order, or raise the next scripted fault."""
        self.calls.append(list(pairs))
        await asyncio.sleep(self._seconds)
        await self.check()
        if self.faults:
            raise self.faults.popleft()
        if self.fixed is not None:
            return [Score(self.fixed, self.fixed, self.fixed) for _ in pairs]
        return [overlap(candidate, reference) for candidate, reference in pairs]

    async def check(self) -> str:
        """Say that it is there. Raises ScorerUnavailable while `available` is False."""
        if not self.available:
            raise ScorerUnavailable("the overlap scorer is switched off")
        return "token overlap, in memory"

    async def close(self) -> None:
        """Nothing to close."""


def overlap(candidate: str, reference: str) -> Score:
    """Return the share of words that two texts have in common, repeated words counted."""
    said = Counter(_WORD.findall(candidate.casefold()))
    wanted = Counter(_WORD.findall(reference.casefold()))
    shared = (said & wanted).total()
    if not shared:
        return Score(0.0, 0.0, 0.0)
    precision, recall = shared / said.total(), shared / wanted.total()
    return Score(precision, recall, 2 * precision * recall / (precision + recall))
