"""This worker: its dependencies, stages, commits, event loop, gate, versions and settings."""

from __future__ import annotations

import platform
import time
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from aiohttp import web

from agents.context import Context
from app import __version__
from app.config.shown import setting_rows
from app.core.questions import timestamp
from app.settings import Settings
from app.web.dashboard.loop_lag import LoopLag
from app.web.dashboard.overview import Overview
from app.web.dashboard.stages import commits_of, stages_of
from app.web.replies import json_reply

LIBRARIES = (
    *("faust-streaming", "aiokafka", "aiohttp", "asyncpg", "redis", "ollama", "openai"),
    *("bert-score", "torch", "transformers", "onnxruntime", "numpy", "msgspec"),
)


def add_routes(app: web.Application, settings: Settings, overview: Overview, lag: LoopLag) -> None:
    running, started_at = overview.running, time.time()
    rows, installed = setting_rows(settings), versions()

    async def system(_: web.Request) -> web.Response:
        health = await overview.health.get()
        status, dependencies = health.value if health.value is not None else ("unhealthy", {})
        return json_reply(
            {
                "at": timestamp(time.time()),
                "version": __version__,
                "versions": installed,
                "started_at": timestamp(started_at),
                "worker": running.first.owner,
                "pipelines": list(running.contexts),
                "status": status,
                "checked_at": timestamp(health.at),
                "dependencies": [
                    {"name": name, **dependency, "seconds": overview.worker.seconds.get(name)}
                    for name, dependency in dependencies.items()
                ],
                "stages": [
                    {"pipeline": name, **stage}
                    for name, context in running.contexts.items()
                    for stage in stages_of(context)
                ],
                "commits": [
                    {"pipeline": name, **row}
                    for name, context in running.contexts.items()
                    for row in commits_of(context)
                ],
                "event_loop": lag.shown(),
                "gate": None if running.questions is None else gate_shown(running.questions),
                "settings": rows,
            }
        )

    app.router.add_get("/ui/api/system", system)


def versions() -> list[dict[str, str]]:
    """Return what is installed of what the figures and failures of a worker depend on."""
    found = [("answerloop", __version__), ("Python", platform.python_version())]
    for name in LIBRARIES:
        with suppress(PackageNotFoundError):
            found.append((name, version(name)))
    return [{"name": name, "version": number} for name, number in found]


def gate_shown(context: Context) -> dict[str, Any]:
    """Return the gate in force, with its guards."""
    gate, limits = context.gate, context.limits
    return {
        "metric": str(gate.metric),
        "threshold": gate.threshold,
        "languages": dict(gate.languages),
        "source": gate.source,
        "scorer": context.ports.scorer.name if context.opened is not None else None,
        "guards": list(limits.guards),
        "max_generations": limits.max_generations,
    }
