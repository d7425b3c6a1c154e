"""What the stages of the ratings pipeline share."""

from __future__ import annotations

from dataclasses import dataclass

from agents.stage_context import StageContext
from app.ports.ratings import RatingPorts
from app.topics import RatingTopicNames


@dataclass(frozen=True, slots=True)
class RatingsLimits:
    """Numbers that the stages keep to."""

    max_user_id: int = 138_493
    max_movie_id: int = 131_262
    flush_seconds: float = 1.0
    """How often what was applied is stored, and its events are acknowledged."""
    metrics_seconds: float = 10.0
    """How often `StreamMetrics` are published."""
    drain_grace_seconds: float = 3.0
    stop_grace_seconds: float = 8.0


@dataclass(kw_only=True)
class RatingsContext(StageContext):
    """The ratings pipeline's stages and what they work with.

    `schema` is for sending, and for every topic but `ratings`, which has its own wire format.
    """

    names: RatingTopicNames
    limits: RatingsLimits
    opened: RatingPorts | None = None

    @property
    def ports(self) -> RatingPorts:
        if self.opened is None:
            raise RuntimeError("the ports are opened when the worker boots")
        return self.opened
