"""Overload: the circuit breaker before the model, floods of deaths, and the longest backlog."""

from __future__ import annotations

from pydantic import Field

from app.config.fields.group import Group
from app.core.breaker import BreakerPolicy
from app.core.flood import FloodPolicy


class OverloadSettings(Group):
    breaker_window_seconds: float = Field(
        30, gt=0, le=3600, description="How long an ended call counts for the circuit breaker"
    )
    breaker_min_calls: int = Field(
        10, ge=1, le=100_000, description="Calls that must have ended before it may open"
    )
    breaker_failure_rate: float = Field(
        0.5, gt=0, le=1, description="Share of failed calls at which it opens"
    )
    breaker_probe_seconds: float = Field(
        5, gt=0, le=3600, description="Time to the first probe; doubles up to 6 times this"
    )
    flood_share: float = Field(
        0.5, gt=0, le=1, description="Share of deaths beyond which intake stops; 1: never"
    )
    flood_window_seconds: float = Field(
        60, ge=1, le=3600, description="Ends of this time are looked at for it"
    )
    flood_min_ends: int = Field(
        50, ge=1, le=10_000, description="Fewer ends than this never stop the intake"
    )
    flood_probe_seconds: float = Field(
        5, gt=0, le=3600, description="While it is stopped one question comes in each so often"
    )
    backlog_limit: int = Field(
        100_000, ge=1, description="Questions in progress beyond which the API refuses new ones"
    )

    @property
    def breaker_policy(self) -> BreakerPolicy:
        return BreakerPolicy(
            self.breaker_window_seconds,
            self.breaker_min_calls,
            self.breaker_failure_rate,
            self.breaker_probe_seconds,
        )

    @property
    def flood_policy(self) -> FloodPolicy:
        return FloodPolicy(
            self.flood_share,
            self.flood_window_seconds,
            self.flood_min_ends,
            self.flood_probe_seconds,
        )
