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
    max_unsaved: int = 200_000
    """Events in hand at most, until what they changed is stored."""
    load_seconds: float = 1.0
    """How often partitions are looked for that no chunk has loaded yet."""
    recommend_seconds: float = 0.05
    """How often recommendations get a turn of the event loop."""
    recommend_turn_seconds: float = 0.02
    """How long such a turn may be, about."""
    busy_turn_seconds: float = 0.002
    """The same while more than `busy_lag` events wait: the stream comes first."""
    busy_lag: int = 20_000
    reload_seconds: float = 5.0
    """How often a newer model is looked for."""
    stored_movies: int = 50
    published_movies: int = 10
    metrics_seconds: float = 10.0
    """How often `StreamMetrics` are published."""
    drain_grace_seconds: float = 3.0
    stop_grace_seconds: float = 8.0


@dataclass(kw_only=True)
class RatingsContext(StageContext):
    """The ratings pipeline's stages and what they work with.

    `schema` is for sending, and for every topic but `ratings`, which has its own wire format.
    """

    #: Why the ratings can't go on without somebody's help; None while they can.
    blocked: str | None = None

    names: RatingTopicNames
    limits: RatingsLimits
    opened: RatingPorts | None = None

    @property
    def ports(self) -> RatingPorts:
        if self.opened is None:
            raise RuntimeError("the ports are opened when the worker boots")
        return self.opened

    def refusing(self) -> str | None:
        return super().refusing() or self.blocked
