"""A run as a document: for `--json`, and what the page is made of."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Any

from app import __version__
from app.core.questions import timestamp
from app.load.findings import findings
from app.load.histogram import Histogram
from app.load.plan import SHARES, Limits
from app.load.playing import Played
from app.load.results import Results
from app.load.windows import Window

#: Points of the curve of percentiles: one minus these shares, down to one in a million.
_TAIL = tuple(m * 10.0**-e for e in range(7) for m in (1.0, 0.7, 0.5, 0.3, 0.2))


def document(played: Played, limits: Limits) -> dict[str, Any]:
    """Return the run; times are in seconds. A percentile that is null was never reached."""
    results, plan = played.results, played.plan
    return {
        "run": plan.run,
        "version": __version__,
        "started_at": timestamp(played.started_at),
        "urls": list(plan.urls),
        "options": plan.described,
        "interrupted": results.interrupted,
        "seconds": _rounded(results.seconds),
        "end_seconds": _rounded(results.end_seconds),
        "requests": _requests(results),
        "refused": dict(results.refused.most_common()),
        "errors": dict(results.errors.most_common()),
        "retry_after_seconds": [results.least_retry_after, results.most_retry_after],
        "states": dict(results.states.most_common()),
        "ends": {
            "followed": results.followed,
            "settled": results.settled,
            "unsettled": results.unsettled,
            "unfollowed": results.unfollowed,
            "pages_read": played.follower.looks if played.follower else 0,
        },
        "per_second": {name: _rounded(rate) for name, rate in results.per_second.items()},
        "accept_seconds": percentiles(results.accept_seconds),
        "settle_seconds": percentiles(results.settle_seconds),
        "lag_seconds": percentiles(results.lag_seconds),
        "window_seconds": results.windows.seconds,
        "windows": [_window(at, each) for at, each in results.windows.all()],
        "findings": findings(played),
        "exceeded": limits.broken(results),
    }


def percentiles(found: Histogram) -> dict[str, Any]:
    """Return counts, percentiles, and `curve`: pairs of (one minus the share, seconds)."""
    curve: Sequence[tuple[float, float | None]] = [
        (tail, found.quantile(1.0 - tail))
        for tail in _TAIL
        if tail * (found.count + found.missing) >= 1
    ]
    return {
        "count": found.count,
        "missing": found.missing,
        "mean": _rounded(found.mean),
        **{name: _rounded(found.quantile(share)) for name, share in SHARES.items()},
        "max": None if found.missing else _rounded(found.quantile(1.0)),
        "curve": [[tail, _rounded(at)] for tail, at in curve if at is not None and isfinite(at)],
    }


def _requests(results: Results) -> dict[str, int]:
    return {
        "due": results.due,
        "sent": results.sent,
        "not_sent": results.not_sent,
        "accepted": results.accepted,
        "known": results.known,
        "refused": sum(results.refused.values()),
        "errors": sum(results.errors.values()),
        "unanswered": results.unanswered,
        "cut": results.cut,
        "most_in_flight": results.most_in_flight,
    }


def _window(at: float, window: Window) -> dict[str, Any]:
    return {
        "at": at,
        "due": window.due,
        "not_sent": window.not_sent,
        "accepted": window.accepted,
        "refused": window.refused,
        "errors": window.errors,
        "settled": window.settled,
        "lag_max": _rounded(window.longest_lag),
        **{
            f"{name}_{each}": _rounded(found.quantile(SHARES[each]))
            for name, found in (
                ("accept", window.accept_seconds),
                ("settle", window.settle_seconds),
            )
            for each in ("p50", "p99")
        },
    }


def _rounded(value: float | None) -> float | None:
    return round(value, 6) if value is not None and isfinite(value) else None
