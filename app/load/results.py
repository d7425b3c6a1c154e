"""Everything that is counted in a run. Every scheduled request is in one of the counts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from app.load.histogram import Histogram
from app.load.outcome import Kind, Outcome
from app.load.windows import Windows


@dataclass
class Results:
    """Counts, latencies in seconds from when each request was due, and their course.

    due = not_sent + sent; sent = accepted + refused + errors + unanswered + cut + in flight;
    followed = settled + unsettled (known at the end).
    """

    due: int = 0
    not_sent: int = 0
    """The bound of requests in flight was reached: these were due, and never went out."""
    sent: int = 0
    accepted: int = 0
    known: int = 0
    """Of the accepted ones those that were answered at once, with a stored result (200)."""
    unanswered: int = 0
    cut: int = 0
    """In flight when the run was interrupted."""
    in_flight: int = 0
    most_in_flight: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    states: Counter[str] = field(default_factory=Counter)
    followed: int = 0
    settled: int = 0
    unfollowed: int = 0
    """Accepted beyond the number that is followed."""
    least_retry_after: float | None = None
    most_retry_after: float | None = None
    accept_seconds: Histogram = field(default_factory=Histogram)
    settle_seconds: Histogram = field(default_factory=Histogram)
    lag_seconds: Histogram = field(default_factory=Histogram)
    """How much later than due the generator began to send: its own delay, never the server's."""
    windows: Windows = field(default_factory=Windows)
    seconds: float = 0.0
    """From the start to the last answer."""
    last_due: float = 0.0
    last_accepted: float = 0.0
    last_settled: float = 0.0
    """When, in seconds from the start, the last request was due, accepted, seen to have ended."""
    end_seconds: float = 0.0
    """From the start until the last end was seen, or no more was waited for."""
    interrupted: bool = False

    @property
    def per_second(self) -> dict[str, float]:
        """The rates: what was offered by its schedule, what came back until the last of it."""
        counted = {
            "due": (self.due, self.last_due),
            "accepted": (self.accepted, self.last_accepted),
            "settled": (self.settled, self.last_settled),
        }
        return {name: count / max(last, 1e-9) for name, (count, last) in counted.items()}

    @property
    def unsettled(self) -> int:
        return self.followed - self.settled

    @property
    def failed_share(self) -> float:
        """Return the share of the due requests that got no proper answer, or never went out."""
        failed = sum(self.errors.values()) + self.unanswered + self.not_sent
        return failed / self.due if self.due else 0.0

    def left_out(self, due: float) -> None:
        """Count a request that was due, and not sent: longer than any latency."""
        self.due += 1
        self.last_due = max(self.last_due, due)
        self.not_sent += 1
        window = self.windows.at(due)
        window.due += 1
        window.not_sent += 1
        window.accept_seconds.miss()
        self.accept_seconds.miss()

    def begins(self, due: float, now: float) -> None:
        """Count a request that goes out."""
        self.due += 1
        self.last_due = max(self.last_due, due)
        self.sent += 1
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        lag = max(0.0, now - due)
        self.lag_seconds.record(lag)
        window = self.windows.at(due)
        window.due += 1
        window.longest_lag = max(window.longest_lag, lag)

    def ends(self, due: float, now: float, outcome: Outcome) -> None:
        """Count what came of a request."""
        self.in_flight -= 1
        self.seconds = max(self.seconds, now)
        window = self.windows.at(now)
        match outcome.kind:
            case Kind.ACCEPTED:
                self.accepted += 1
                self.last_accepted = max(self.last_accepted, now)
                window.accepted += 1
                self.accept_seconds.record(now - due)
                self.windows.at(due).accept_seconds.record(now - due)
                if outcome.state is not None:
                    self.known += 1
            case Kind.REFUSED:
                self.refused[outcome.detail] += 1
                window.refused += 1
                self._retry_after(outcome.retry_after)
            case Kind.ERROR:
                self.errors[outcome.detail] += 1
                window.errors += 1
                self._never_accepted(due)
            case Kind.UNANSWERED:
                self.unanswered += 1
                window.errors += 1
                self._never_accepted(due)

    def _never_accepted(self, due: float) -> None:
        """A server that fails at once is not a quick one."""
        self.windows.at(due).accept_seconds.miss()
        self.accept_seconds.miss()

    def cut_off(self) -> None:
        """Count a request that was given up because the run was interrupted."""
        self.in_flight -= 1
        self.cut += 1

    def settles(self, due: float, at: float, state: str) -> None:
        """Count the end of a followed request."""
        self.settled += 1
        self.last_settled = max(self.last_settled, at)
        self.states[state] += 1
        self.windows.at(at).settled += 1
        self.settle_seconds.record(at - due)
        self.windows.at(due).settle_seconds.record(at - due)

    def never_settled(self, due: float) -> None:
        """Count a followed request whose end was not waited for any longer."""
        self.settle_seconds.miss()
        self.windows.at(due).settle_seconds.miss()

    def _retry_after(self, seconds: float | None) -> None:
        if seconds is not None:
            self.least_retry_after = min(
                seconds, seconds if self.least_retry_after is None else self.least_retry_after
            )
            self.most_retry_after = max(seconds, self.most_retry_after or 0.0)
