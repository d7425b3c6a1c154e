"""What a run does, and what it may not exceed."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from app.charts.numbers import percent_text
from app.load.generator import Traffic
from app.load.results import Results

#: Places of the service's percentiles, for people and programs.
SHARES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p99.9": 0.999}


@dataclass(frozen=True, slots=True)
class Plan:
    """A run. `times` gives when requests are due; `described` says of what kind they are."""

    run: str
    urls: Sequence[str]
    traffic: Traffic
    times: Callable[[], Iterator[float]]
    described: dict[str, Any]
    """Options by name, for the reader of the results."""
    expected_seconds: float | None = None
    expected_count: int | None = None
    token: str | None = None
    most_in_flight: int = 500
    timeout_seconds: float = 30.0
    follow: bool = True
    drain_seconds: float = 60.0
    """How long ends are waited for after the last request was answered."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What fails a run; None is no limit. Percentiles are in seconds."""

    accept_p99: float | None = None
    settle_p99: float | None = None
    errors: float | None = None
    """Share of the due requests that got no proper answer, or never went out."""

    def broken(self, results: Results) -> list[str]:
        """Return what exceeds its limit, in words. Nothing measured exceeds every limit."""
        said = []
        for name, limit, found in (
            ("accepted", self.accept_p99, results.accept_seconds),
            ("settled", self.settle_p99, results.settle_seconds),
        ):
            p99 = found.quantile(SHARES["p99"])
            if limit is None or (p99 is not None and p99 <= limit):
                continue
            if p99 is None:
                said.append(f"p99 of {name}: nothing was {name} (limit {limit:g} s)")
            else:
                shown = f"{p99:.3g} s" if p99 < float("inf") else f"over 1 % were never {name}"
                said.append(f"p99 of {name}: {shown} (limit {limit:g} s)")
        if self.errors is not None and (not results.due or results.failed_share > self.errors):
            said.append(
                f"errors: {percent_text(results.failed_share)} of {results.due} "
                f"(limit {percent_text(self.errors)})"
            )
        return said


def new_run() -> str:
    """Return a name for a run that no other one has."""
    return secrets.token_hex(4)
