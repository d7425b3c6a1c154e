"""What `hold` decides about failures and due times, with counts for each question."""

from __future__ import annotations

from dataclasses import dataclass, replace

from app.core.lifecycle import Turn
from app.core.retry import GiveUp, RetryKind, RetryPolicy, next_wait


@dataclass(frozen=True, slots=True)
class Held:
    """The retry state of one question.

    `failed` is the latest failed turn; `due_at` (Unix seconds) is set while its retry waits;
    `overloads` and `quotas` count the retries spent in this round.
    """

    failed: Turn
    kind: RetryKind
    overloads: int = 0
    quotas: int = 0
    due_at: float | None = None
    settled_at: float | None = None

    def retries(self, kind: RetryKind) -> int:
        return self.overloads if kind is RetryKind.OVERLOAD else self.quotas


@dataclass(frozen=True, slots=True)
class Hold:
    """Keep the call back until `held.due_at`."""

    held: Held


@dataclass(frozen=True, slots=True)
class Bury:
    """The retries are used up: the call goes to the dead letters with `cause`."""

    held: Held
    cause: str


@dataclass(frozen=True, slots=True)
class Ignore:
    """A repeat, or a word about a round that is over."""


def on_failure(
    held: Held | None,
    turn: Turn,
    kind: RetryKind,
    retry_after_seconds: float | None,
    policy: RetryPolicy,
    now: float,
    draw: float,
) -> Hold | Bury | Ignore:
    """Decide on a failed call. A failure at or before the latest known one re-arms nothing."""
    if held is not None and turn <= held.failed:
        return Ignore()
    if held is None or turn.round > held.failed.round:
        held = Held(failed=turn, kind=kind)
    elif held.settled_at is not None:
        return Ignore()
    decision = next_wait(policy, kind, held.retries(kind), retry_after_seconds, draw)
    held = replace(held, failed=turn, kind=kind)
    if isinstance(decision, GiveUp):
        return Bury(replace(held, due_at=None), decision.cause)
    return Hold(
        replace(
            held,
            overloads=held.overloads + (kind is RetryKind.OVERLOAD),
            quotas=held.quotas + (kind is RetryKind.QUOTA),
            due_at=now + decision.seconds,
        )
    )


def on_due(
    held: Held | None, turn: Turn, now: float, *, by_operator: bool = False
) -> Held | Ignore:
    """Decide on a word that a wait is over: that of exactly this turn ends, others are ignored.

    So is a timer's word that comes early (by a clock that is ahead): the timer repeats it. An
    operator's word ends the wait whenever it comes.
    """
    if held is None or held.failed != turn or held.due_at is None or held.settled_at is not None:
        return Ignore()
    if now < held.due_at and not by_operator:
        return Ignore()
    return replace(held, due_at=None)


def on_settled(held: Held | None, round_: int, settled_at: float) -> Held | Ignore:
    """Decide on the end of a round: the entry is kept for a grace period, then forgotten."""
    if held is None or held.failed.round > round_:
        return Ignore()
    return replace(held, due_at=None, settled_at=settled_at)
