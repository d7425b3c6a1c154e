"""The retry policy: how long a failed call waits, or why it is given up."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum

RETRY_AFTER_MIN_SECONDS = 1.0
RETRY_AFTER_MAX_SECONDS = 300.0
_LARGEST_EXPONENT = 64
_A_YEAR_SECONDS = 31_536_000.0


class RetryKind(StrEnum):
    """Which of the two waits a failure gets."""

    OVERLOAD = "overload"
    QUOTA = "quota"


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """The limits of waiting. Times are in seconds; `jitter` is a share of the wait (0.2 = 20 %)."""

    overload_base_seconds: float = 5.0
    overload_max_seconds: float = 300.0
    overload_max_retries: int = 5
    quota_delay_seconds: float = 60.0
    quota_max_retries: int = 5
    jitter: float = 0.2


@dataclass(frozen=True, slots=True)
class RetryIn:
    """Call again after `seconds`."""

    seconds: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    """No more retries: `cause` names the ceiling that was reached."""

    cause: str


def next_wait(
    policy: RetryPolicy,
    kind: RetryKind,
    retries_so_far: int,
    retry_after_seconds: float | None,
    draw: float,
) -> RetryIn | GiveUp:
    """Decide on one failed call.

    `retries_so_far` counts the retries of this kind already spent on the question in this round;
    `draw` is a uniform random number in [0, 1), drawn anew for each message.

    Overload waits min(max, base * 2^n) with n = retries so far (5, 10, 20, 40 s ...), quota a fixed
    time; both are spread by +- jitter. A server's Retry-After wins: it is clamped to [1 s, 300 s]
    and spread upwards only, so that the call is never early.
    """
    ceiling = (
        policy.overload_max_retries if kind is RetryKind.OVERLOAD else policy.quota_max_retries
    )
    if retries_so_far >= ceiling:
        return GiveUp(f"{kind}_retries_exhausted")
    if retry_after_seconds is not None:
        asked = min(max(retry_after_seconds, RETRY_AFTER_MIN_SECONDS), RETRY_AFTER_MAX_SECONDS)
        return RetryIn(min(asked * (1 + policy.jitter * draw), RETRY_AFTER_MAX_SECONDS))
    return RetryIn(
        nominal_wait(policy, kind, retries_so_far) * (1 + policy.jitter * (2 * draw - 1))
    )


def nominal_wait(policy: RetryPolicy, kind: RetryKind, retries_so_far: int) -> float:
    """Return the wait in seconds before jitter and without a Retry-After."""
    if kind is RetryKind.QUOTA:
        return policy.quota_delay_seconds
    exponent = min(retries_so_far, _LARGEST_EXPONENT)
    return min(policy.overload_max_seconds, policy.overload_base_seconds * 2.0**exponent)


def bounded_retry_after(seconds: float | None) -> float | None:
    """Return a wait that a server asked for as a message carries it; nonsense is None."""
    if seconds is None or not math.isfinite(seconds) or seconds < 0:
        return None
    return min(seconds, _A_YEAR_SECONDS)


def parse_retry_after(header: str | None, now: float) -> float | None:
    """Read a Retry-After header (RFC 9110: seconds or an HTTP date) as seconds from `now`.

    Nonsense (text, NaN, infinity, a negative number of seconds) is None: the policy's own wait
    applies. A date in the past is 0, and what is over a year away is a year.
    """
    if header is None:
        return None
    text = header.strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:18]), _A_YEAR_SECONDS)
    try:
        when = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    seconds = (when - datetime.fromtimestamp(now, UTC)).total_seconds()
    return min(max(0.0, seconds), _A_YEAR_SECONDS)
