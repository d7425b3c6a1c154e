"""This worker: its dependencies, stages, gate and settings."""

from __future__ import annotations

import platform
import time
from collections import Counter
from typing import Any

from aiohttp import web

from agents.context import Context
from agents.in_hand import InHand
from agents.stage_context import StageContext
from app import __version__
from app.config.shown import setting_rows
from app.core.questions import timestamp
from app.settings import Settings
from app.web.dashboard.overview import Overview
from app.web.replies import json_reply


def add_routes(app: web.Application, settings: Settings, overview: Overview) -> None:
    running, started_at = overview.running, time.time()
    rows = setting_rows(settings)

    async def system(_: web.Request) -> web.Response:
        health = await overview.health.get()
        status, dependencies = health.value if health.value is not None else ("unhealthy", {})
        return json_reply(
            {
                "at": timestamp(time.time()),
                "version": __version__,
                "python": platform.python_version(),
                "started_at": timestamp(started_at),
                "worker": running.first.owner,
                "pipelines": list(running.contexts),
                "status": status,
                "checked_at": timestamp(health.at),
                "dependencies": [
                    {"name": name, **dependency} for name, dependency in dependencies.items()
                ],
                "stages": [
                    {"pipeline": name, **stage}
                    for name, context in running.contexts.items()
                    for stage in stages_of(context)
                ],
                "gate": None if running.questions is None else gate_shown(running.questions),
                "settings": rows,
            }
        )

    app.router.add_get("/ui/api/system", system)


def stages_of(context: StageContext) -> list[dict[str, Any]]:
    """Return what each stage reads, has before it, and has in hand, on this worker's partitions.

    `behind` counts the messages of its topics that are not done yet; `behind` and `partitions` are
    None while the partitions are being assigned.
    """
    lag = _lag(context)
    in_hand: dict[str, list[InHand]] = {}
    for entry in context.waiting_for.entries():
        in_hand.setdefault(entry.stage, []).append(entry)
    return [
        _stage(name, list(agent.channel.topics), lag, in_hand.get(name, []))
        for name, agent in context.app.agents.items()
    ]


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


def _lag(context: StageContext) -> dict[Any, int] | None:
    app = context.app
    if context.opened is None or app.rebalancing or app.should_stop:
        return None
    return dict(app.consumer.lag())


def gate_shown(context: Context) -> dict[str, Any]:
    """Return the gate in force, with its guards."""
    gate, limits = context.gate, context.limits
    return {
        "metric": str(gate.metric),
        "threshold": gate.threshold,
        "source": gate.source,
        "scorer": context.ports.scorer.name if context.opened is not None else None,
        "guards": list(limits.guards),
        "max_generations": limits.max_generations,
    }
