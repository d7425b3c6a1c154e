"""Figures of the stream: counters and gauges here, `StreamMetrics` on the log."""

from __future__ import annotations

import traceback
from collections import Counter
from collections.abc import Sequence
from functools import partial
from math import sqrt
from time import monotonic

from agents.ratings.context import RatingsContext
from agents.ratings.flushing import owned
from agents.ratings.partitions import Partitions
from agents.ratings.recommending import Waiting, lag
from agents.waits import Draining, Outgoing, publish
from app.core.ratings.changes import Totals
from app.core.ratings.latency import LatencyHistogram
from app.core.ratings.state import Applied
from app.errors import StoreUnavailable
from app.transports import RawRecord
from models.ratings import StreamMetrics

STAGE = "measuring"
#: A chunk's records came close together: one of so many is timed.
_TIMED_EVERY = 16
_QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
_KINDS = ("valid", "duplicate", "stale", "late")


class Meter:
    """What happened in this worker since it last told."""

    def __init__(self, context: RatingsContext, partitions: Partitions, waiting: Waiting) -> None:
        self._context = context
        self._partitions = partitions
        self._counted: Counter[str] = Counter()
        self._rejected_before: dict[str, int] = {}
        self._predicted, self._squared_error = 0, 0.0
        self._latency = LatencyHistogram()
        self._shown = self._latency
        self._since = monotonic()
        self._watch(waiting)

    def applied(self, applied: Applied, raws: Sequence[RawRecord]) -> None:
        """Count a chunk that was applied just now."""
        counts = (len(applied.users), applied.duplicate, applied.stale, applied.late)
        for kind, count in zip(_KINDS, counts, strict=True):
            if count:
                self._counted[kind] += count
                self._context.metrics.count(f"ratings_{kind}", by=count)
        self._predicted += applied.predicted
        self._squared_error += applied.squared_error
        now, add = self._context.now(), self._latency.add
        for raw in raws[::_TIMED_EVERY]:
            add(now - raw.timestamp)

    async def tell(self) -> None:
        """Publish the figures of the time since the last call. Never raises."""
        context = self._context
        if context.app.rebalancing or context.app.consumer.draining.is_set():
            return
        try:
            record = self._taken(await self._coverage())
            await publish(context, [Outgoing(context.names.metrics, context.owner, record)])
        except Draining:
            return  # figures of a while that ended in a drain
        except Exception:  # noqa: BLE001 (the stage boundary)
            context.metrics.count("stage_errors", STAGE)
            context.log.error("metrics_failed", error=traceback.format_exc())

    async def _coverage(self) -> float | None:
        """Return the share of all users with recommendations; None without any user, or store."""
        store = self._context.ports.store
        try:
            users = (await store.stats()).totals.users
            with_some = await store.users_with_recommendations()
        except StoreUnavailable:
            self._context.metrics.count("db_errors")
            return None
        return min(1.0, with_some / users) if users else None

    def _taken(self, coverage: float | None) -> StreamMetrics:
        context = self._context
        now, counted = monotonic(), self._counted
        seconds, self._since, self._counted = now - self._since, now, Counter()
        self._shown, self._latency = self._latency, LatencyHistogram()
        known = context.metrics.labelled("ratings_rejected")
        rejected = {
            rule: count - self._rejected_before.get(rule, 0)
            for rule, count in known.items()
            if count > self._rejected_before.get(rule, 0)
        }
        self._rejected_before = known
        rmse = sqrt(self._squared_error / self._predicted) if self._predicted else None
        self._predicted, self._squared_error = 0, 0.0
        events = sum(counted[kind] for kind in ("valid", "duplicate", "stale"))
        p50, p95, p99 = (self._shown.quantile(share) for share in _QUANTILES.values())
        return StreamMetrics(
            worker=context.owner,
            at=context.now(),
            seconds=seconds,
            per_second=(events + sum(rejected.values())) / seconds if seconds > 0 else 0.0,
            valid=counted["valid"],
            rejected=rejected,
            duplicate=counted["duplicate"],
            stale=counted["stale"],
            late=counted["late"],
            lag=lag(context),
            partitions=len(owned(context)),
            model=context.ports.recommender.version,
            latency_p50_seconds=p50,
            latency_p95_seconds=p95,
            latency_p99_seconds=p99,
            rmse=rmse,
            coverage=coverage,
        )

    def _totals(self) -> list[Totals]:
        return [each.state.totals() for each in self._partitions if each.state is not None]

    def _rmse(self) -> float | None:
        totals = self._totals()
        predicted = sum(each.predicted for each in totals)
        return sqrt(sum(each.squared_error for each in totals) / predicted) if predicted else None

    def _watch(self, waiting: Waiting) -> None:
        metrics = self._context.metrics
        metrics.watch("ratings_lag", self._lag)
        metrics.watch("rating_rmse", lambda: self._rmse() or 0.0)
        metrics.watch("rating_users_waiting", lambda: len(waiting))
        for name, share in _QUANTILES.items():
            metrics.watch(f"rating_latency_{name}", partial(self._quantile, share))

    def _quantile(self, share: float) -> float:
        return self._latency.quantile(share) or self._shown.quantile(share) or 0.0

    def _lag(self) -> int:
        return lag(self._context) if self._context.app.consumer.flow_active else 0


def declare(context: RatingsContext, meter: Meter) -> None:
    """Declare the timer that publishes the figures."""

    @context.app.timer(interval=context.limits.metrics_seconds, name="tell_metrics")
    async def tell_metrics() -> None:
        await meter.tell()
