"""The view of the table of causes in force: `answerloop config causes`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from app.core.causes import CauseTable, Rule
from app.core.failures import BREAKS, BY_CODE, BY_STATUS, CAUSES, Cause, Route, classify_status
from app.core.retry import RetryKind, RetryPolicy, nominal_wait
from app.settings import Settings

#: Statuses without a cause of their own, by class.
_OTHERS = {"other 3xx": 399, "other 4xx": 499, "other 5xx": 599}
_SHOWN_WAITS = 5


def cause_rows(settings: Settings) -> Iterator[dict[str, Any]]:
    """Yield each failure that is told apart: the file's rules first, as they are tried."""
    table = settings.causes
    for rule in table.rules:
        yield _row(settings, str(rule), table[rule.cause], rule=rule)
    for code, name in BY_CODE.items():
        yield _row(settings, f"code {code!r}", table[name])
    for status, name in BY_STATUS.items():
        yield _row(settings, str(status), table[name])
    for shown, status in _OTHERS.items():
        yield _row(settings, shown, table[classify_status(status).name])
    for name in BREAKS:
        yield _row(settings, f"broken {name!r}", table[name])


def _row(
    settings: Settings, failure: str, cause: Cause, *, rule: Rule | None = None
) -> dict[str, Any]:
    moved = cause.route is not CAUSES[cause.name].route
    origin = "built-in"
    if rule is not None:
        origin = f"file, line {rule.line}" if rule.line else "file"
    elif moved:
        origin = f"file, routes ({CAUSES[cause.name].route} without it)"
    return {
        "provider": (rule.provider if rule else "") or "any",
        "failure": failure,
        "cause": cause.name,
        "route": str(cause.route),
        "waits_seconds": _waits(settings.retry_policy, cause.route),
        "changed": rule is not None or moved,
        "from": origin,
    }


def _waits(policy: RetryPolicy, route: Route) -> list[float]:
    """Return the waits before the retries, without jitter; none of a dead letter."""
    if route is Route.DEAD:
        return []
    kind = RetryKind(str(route))
    overload = kind is RetryKind.OVERLOAD
    retries = policy.overload_max_retries if overload else policy.quota_max_retries
    return [nominal_wait(policy, kind, n) for n in range(retries)]


def waits_shown(waits: list[float]) -> str:
    """Return waits for people: `5, 10, 20, 40, 80 s`."""
    if not waits:
        return "-"
    shown = ", ".join(f"{wait:g}" for wait in waits[:_SHOWN_WAITS])
    more = f", ... {len(waits)} in all" if len(waits) > _SHOWN_WAITS else ""
    return f"{shown} s{more}"


def unused_rules(table: CauseTable) -> list[str]:
    """Return a line for each rule that an equal or wider one before it hides."""
    found = []
    for number, rule in enumerate(table.rules, 1):
        hidden_by = next(
            (n for n, r in enumerate(table.rules[: number - 1], 1) if _wider(r, rule)), 0
        )
        if hidden_by:
            found.append(f"rule {number} is never reached: rule {hidden_by} matches before it")
    return found


def _wider(first: Rule, later: Rule) -> bool:
    """Tell whether whatever `later` matches, `first` matches too (as far as can be seen)."""
    statuses = not first.statuses or (
        bool(later.statuses) and set(later.statuses) <= set(first.statuses)
    )
    return statuses and all(
        getattr(first, name) in ("", getattr(later, name))
        for name in ("provider", "code", "broken", "text", "contains")
    )
