"""How long a question may be on its way, computed from the settings."""

from __future__ import annotations

from app.core.retry import RETRY_AFTER_MAX_SECONDS, RetryKind, nominal_wait
from app.settings import Settings


def longest_life_seconds(settings: Settings, *, deadline: bool = True) -> float:
    """Return the longest time from a question's first call to its end, in seconds.

    All retries of the round are spent, each after the longest wait that jitter or a server's
    Retry-After may make of it, and every call takes its whole time. `deadline` cuts that short.
    """
    policy = settings.retry_policy
    waits = [
        max(nominal_wait(policy, kind, n) * (1 + policy.jitter), RETRY_AFTER_MAX_SECONDS)
        for kind, most in (
            (RetryKind.OVERLOAD, policy.overload_max_retries),
            (RetryKind.QUOTA, policy.quota_max_retries),
        )
        for n in range(most)
    ]
    calls = settings.max_generations + len(waits)
    life = sum(waits) + calls * settings.llm_timeout_seconds
    if deadline and settings.deadline_seconds:
        return min(life, settings.deadline_seconds)
    return life
