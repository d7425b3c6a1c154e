"""How the stages of a pipeline stand on this worker: throughput, back-pressure, commits."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

from agents.context import Context
from agents.in_hand import InHand
from agents.stage_context import StageContext
from app.core.breaker import BreakerState


def stages_of(context: StageContext) -> list[dict[str, Any]]:
    """Return what each stage does, has before it, has in hand, and what it waits for.

    `behind` counts the messages of its topics that are not done yet, on this worker's partitions;
    what is None is not known while the partitions are being assigned.
    """
    lag, pause = _lag(context), _pause(context)
    in_hand: dict[str, list[InHand]] = {}
    for entry in context.waiting_for.entries():
        in_hand.setdefault(entry.stage, []).append(entry)
    found = []
    for name, agent in context.app.agents.items():
        stage = _stage(name, list(agent.channel.topics), lag, in_hand.get(name, []))
        found.append(stage | _work(context, stage, pause))
    return found


def _stage(
    name: str, topics: list[str], lag: dict[Any, int] | None, entries: list[InHand]
) -> dict[str, Any]:
    now = time.monotonic()
    mine = None if lag is None else [n for tp, n in lag.items() if tp.topic in topics]
    waits = Counter(what for entry in entries if (what := entry.waits_for(now)) is not None)
    return {
        "stage": name,
        "topics": topics,
        "partitions": None if mine is None else len(mine),
        "behind": None if mine is None else sum(mine),
        "in_hand": len(entries),
        "oldest_seconds": round(now - min(e.since for e in entries), 3) if entries else None,
        "waits_for": dict(waits),
    }


def _work(context: StageContext, stage: dict[str, Any], pause: str | None) -> dict[str, Any]:
    """Return the rate of a stage, what lies in its queue, and why it gets nothing."""
    rates, topics = context.waiting_for.rates, stage["topics"]
    queued = None
    if stage["behind"] is not None:
        delivered = context.app.consumer.delivered()
        there = sum(count for tp, count in delivered.items() if tp.topic in topics)
        queued = max(0, there - stage["in_hand"])
    return {
        "done_last_minute": rates.last_minute(stage["stage"]),
        "per_second": round(rates.per_second(stage["stage"]), 3),
        "queued": queued,
        "paused": pause or _own_pause(context, stage["stage"]),
    }


def _lag(context: StageContext) -> dict[Any, int] | None:
    app = context.app
    if context.opened is None or app.rebalancing or app.should_stop:
        return None
    return dict(app.consumer.lag())


def _pause(context: StageContext) -> str | None:
    """Say why no stage gets anything; None while they do."""
    app = context.app
    if app.should_stop:
        return "the worker stops"
    if context.opened is None:
        return "the worker starts"
    if app.rebalancing:
        return "the partitions are being assigned"
    if not app.tables.actives_ready:
        return "the tables are being recovered"
    if not app.consumer.flow_active:
        return "what is in hand is brought to its end first"
    return None


def _own_pause(context: StageContext, stage: str) -> str | None:
    """Say what holds one stage back on purpose."""
    if not isinstance(context, Context):
        return None
    if stage == "ask":
        turnstile = context.turnstile
        if turnstile.state is BreakerState.OPEN:
            return "the breaker is open"
        left = turnstile.limiter.pause_left(turnstile.clock())
        return f"rate limited for {left:.0f} s" if left > 0 else None
    return context.flood.reason if stage == "admit" else None


def commits_of(context: StageContext) -> list[dict[str, Any]]:
    """Return how each partition of this worker is committed, in order.

    `acknowledged` counts the messages that are done and not committed yet. `oldest_seconds` is the
    age, by its time stamp, of the oldest message that is not done: None without one, and for one
    that was not fetched yet. `commit_seconds`: since this worker's last commit; None without one.
    """
    if _lag(context) is None:
        return []
    now, at = time.monotonic(), time.time()
    return [
        {
            "group": context.app.conf.id,
            "topic": tp.topic,
            "partition": tp.partition,
            "committed": head.stored,
            "end": head.end,
            "behind": None if head.end is None else max(0, head.end - head.offset),
            "acknowledged": None if head.stored is None else max(0, head.offset - head.stored),
            "oldest_seconds": _since(_time_of(head.message), at),
            "commit_seconds": _since(head.committed_at, now),
        }
        for tp, head in sorted(context.app.consumer.heads().items())
    ]


def _time_of(message: Any) -> float | None:
    """Return the time stamp of a message; of a chunk that of its first record."""
    if message is None:
        return None
    raw = message.value
    return float(raw[0].timestamp if isinstance(raw, list) else message.timestamp)


def _since(then: float | None, now: float) -> float | None:
    return None if then is None else round(max(0.0, now - then), 3)
