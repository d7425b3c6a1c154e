"""The stages of the ratings pipeline."""

from __future__ import annotations

from collections.abc import Callable

from agents.ratings.context import RatingsContext

#: Each adds its agent, timer or gauge to the app.
STAGES: tuple[Callable[[RatingsContext], None], ...] = ()


def register_all(context: RatingsContext) -> None:
    """Add every stage to the context's app. The factory calls it once; nothing is connected."""
    for register in STAGES:
        register(context)
