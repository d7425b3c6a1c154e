"""What a scenario is: who works, what is asked, what is broken when, and what must hold."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from app.chaos.stage import Stage


@dataclass(frozen=True, slots=True)
class Options:
    """What the user says instead of a scenario's own numbers; None keeps them."""

    questions: int | None = None
    rate: float | None = None
    seconds: float | None = None
    workers: int | None = None
    seed: int = 1
    long: bool = False
    broker: str = "kafka"


@dataclass(frozen=True, slots=True)
class Load:
    """At least `questions`, `rate` a second, and on for as long as faults go on."""

    questions: int = 100
    rate: float = 10.0


@dataclass(frozen=True, slots=True)
class Facts:
    """What checks look at: the audit, the figures, and what the client saw."""

    audit: Mapping[str, Any]
    figures: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Check:
    """`measure` must be at most (or, with `least`, at least) `limit`."""

    name: str
    measure: Callable[[Facts], float]
    limit: Callable[[Facts], float] | float = 0
    unit: str = ""
    least: bool = False
    key: str = ""

    def on(self, facts: Facts) -> dict[str, Any]:
        """Return the outcome as the results hold it."""
        limit = self.limit(facts) if callable(self.limit) else self.limit
        measured = self.measure(facts)
        passed = measured >= limit if self.least else measured <= limit
        word = "at least" if self.least else "at most"
        exact = limit == 0 and not self.least
        return {
            "name": self.name,
            "limit": f"{_plain(limit)}{self.unit}"
            if exact
            else f"{word} {_plain(limit)}{self.unit}",
            "measured": f"{_plain(measured)}{self.unit}",
            "passed": passed,
        }


def audited(name: str, key: str, limit: Callable[[Facts], float] | float = 0) -> Check:
    """Return a check of one number of the audit."""
    return Check(name, lambda facts: facts.audit[key], limit, key=key)


def figure(
    name: str,
    key: str,
    limit: Callable[[Facts], float] | float,
    unit: str = "",
    *,
    least: bool = False,
) -> Check:
    """Return a check of a figure that the scenario noted."""
    return Check(name, lambda facts: facts.figures[key], limit, unit, least=least, key=key)


#: What holds in every scenario.
CONSERVATION = (
    audited("questions lost", "lost"),
    audited("questions not ended", "pending"),
    audited("duplicates", "duplicates"),
    audited("rows that nobody asked for", "strangers"),
    audited("ends other than the right one", "wrong_ends"),
    audited("answers without a call", "uncalled"),
    audited("retries that came early", "early_retries"),
    audited("messages left unread", "lag"),
    figure("questions that no worker took", "given_up", 0),
    figure("replies other than 200, 202, 429, 503", "other_replies", 0),
    figure("workers that ended by themselves", "crashed_workers", 0),
    figure("workers that did not stop well", "bad_stops", 0),
    figure("questions taken", "questions", 1, least=True),
)


@dataclass(frozen=True, slots=True)
class Scenario:
    """One way of breaking things. `faults` runs beside the load, `afterwards` once all has ended.

    `perform` replaces all of it where no worker serves a client. `checks` come on top of `common`;
    `repeated_calls` limits the calls beyond the promised ones. A question that no worker takes
    within `patience_seconds` is given up: nothing was promised.
    `needs_kafka`: the broker is ours to break, or is spoken to as only Kafka can be.
    """

    name: str
    about: str
    promise: str
    faults: Callable[[Stage], Awaitable[None]]
    checks: tuple[Check, ...] = ()
    repeated_calls: Callable[[Facts], float] | float = 0
    workers: int = 3
    load: Load = Load()
    latency_seconds: float = 0.3
    settings: Mapping[str, str] = field(default_factory=dict)
    afterwards: Callable[[Stage], Awaitable[None]] | None = None
    perform: Callable[[Stage], Awaitable[Facts]] | None = None
    common: tuple[Check, ...] = CONSERVATION
    redis: bool = False
    needs_kafka: bool = False
    settle_seconds: float = 120.0
    patience_seconds: float = 180.0
    by_name_only: bool = False

    @property
    def all_checks(self) -> tuple[Check, ...]:
        calls = audited("model calls made again", "repeated_calls", self.repeated_calls)
        return (*self.common, calls, *self.checks)


def _plain(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
