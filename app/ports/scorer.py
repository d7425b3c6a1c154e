"""The port of a scorer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from app.core.gate import Score


class Scorer(Protocol):
    """BERTScore of (candidate, reference) pairs."""

    @property
    def name(self) -> str:
        """Model, layer and rescaling in one word, e.g. `minilm-l6:6` : stored beside each score.

        `app.core.gate.ScorerName` takes it apart.
        """
        ...

    @property
    def library(self) -> str:
        """Whose figures these are, e.g. `bert-score 0.3.13`; empty: not known (yet)."""
        ...

    async def score(self, pairs: Sequence[tuple[str, str]]) -> list[Score]:
        """Score (candidate, reference) pairs, in order.

        Calls that arrive together are scored in one batch, off the event loop; a pair without a
        score in company was tried alone. Raises ScorerUnavailable (try again later) or ScoreFailure
        (this input has no score).
        """
        ...

    async def check(self) -> str:
        """Return a short detail when scores can be had; raises ScorerUnavailable."""
        ...

    async def close(self) -> None: ...


@runtime_checkable
class KeepsReferences(Protocol):
    """A scorer that keeps what it has worked out for a reference."""

    @property
    def reference_hit_rate(self) -> float:
        """Share of the references, 0 to 1, that it had kept when they were asked for."""
        ...
