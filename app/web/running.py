"""The pipelines whose worker a server belongs to."""

from __future__ import annotations

from dataclasses import dataclass

from agents.context import Context
from agents.ratings.context import RatingsContext
from agents.stage_context import StageContext
from app.config.pipelines import QUESTIONS, RATINGS
from app.metrics import Metrics


@dataclass(frozen=True, slots=True)
class Running:
    """The contexts of the pipelines that run in this process: one at least."""

    questions: Context | None = None
    ratings: RatingsContext | None = None

    def __post_init__(self) -> None:
        if not self.contexts:
            raise ValueError("a worker runs one pipeline at least")

    @property
    def contexts(self) -> dict[str, StageContext]:
        """The context of each pipeline, by its name."""
        both = {QUESTIONS: self.questions, RATINGS: self.ratings}
        return {name: context for name, context in both.items() if context is not None}

    @property
    def first(self) -> StageContext:
        return next(iter(self.contexts.values()))

    @property
    def metrics(self) -> Metrics:
        """The figures of the process: the pipelines that run in it share them."""
        return self.first.metrics
