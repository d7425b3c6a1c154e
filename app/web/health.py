"""What a worker says of itself: its dependencies, and why it takes no work."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial

from aiohttp import web

from agents.context import Context
from agents.stage_context import StageContext
from app.core.breaker import BreakerState
from app.errors import UnavailableError
from app.metrics import Metrics
from app.web import probes
from app.web.probes import Dependencies, Health
from app.web.running import Running

CHECK_SECONDS = 3.0

Checks = dict[str, Callable[[], Awaitable[str]]]


class Worker:
    """A worker, as its probes see it."""

    def __init__(self, running: Running) -> None:
        self._running = running
        #: How long each dependency took to answer the last time, in seconds.
        self.seconds: dict[str, float] = {}

    @property
    def metrics(self) -> Metrics:
        return self._running.metrics

    async def health(self) -> tuple[Health, Dependencies]:
        """Ask every dependency at once."""
        checks = _checks(self._running)
        results = await asyncio.gather(
            *(self._timed(name, check()) for name, check in checks.items())
        )
        dependencies = dict(zip(checks, results, strict=True))
        return _overall(dependencies), dependencies

    async def _timed(self, name: str, check: Awaitable[str]) -> dict[str, str]:
        started = time.perf_counter()
        try:
            return await _checked(check)
        finally:
            self.seconds[name] = round(time.perf_counter() - started, 6)

    async def not_ready(self) -> str | None:
        """Say which pipeline takes no work yet, and why, or None when all do."""
        return await _first_not_ready(self._running)


def add_routes(
    app: web.Application, running: Running, page: Callable[[web.Request], web.Response]
) -> None:
    """Serve the probes, and `page` at `/` to those who want HTML."""
    probes.add_routes(app, Worker(running), page)


async def _first_not_ready(running: Running) -> str | None:
    """Say which pipeline takes no work yet, and why, or None when all do."""
    contexts = running.contexts
    reasons = await asyncio.gather(*(not_ready(context) for context in contexts.values()))
    for name, reason in zip(contexts, reasons, strict=True):
        if reason is not None:
            return reason if len(contexts) == 1 else f"{name}: {reason}"
    return None


async def not_ready(context: StageContext) -> str | None:
    """Say why a pipeline takes no work yet, or None when it does."""
    app = context.app
    if context.opened is None:
        return "starting"
    if app.should_stop:
        return "stopping"
    if reason := context.refusing():
        return reason
    if app.rebalancing:
        return "the partitions are being assigned"
    if not app.tables.actives_ready:
        return "the tables are being recovered"
    broker = await _checked(context.app.ask_broker())
    return None if broker["status"] == "up" else f"broker: {broker['detail']}"


def _checks(running: Running) -> Checks:
    """Return how each dependency is asked. Pipelines share broker and database."""
    found: Checks = {"broker": running.first.app.ask_broker}
    if running.ratings is not None:
        found["database"] = running.ratings.ports.store.check
    if (context := running.questions) is not None:
        ports = context.ports
        found["database"] = ports.store.check
        found["cache"] = ports.cache.check
        found["model"] = partial(_model, context)
        found["scorer"] = ports.scorer.check
    return found


async def _model(context: Context) -> str:
    """Say what the model server says, the limit and the breaker; an open breaker is a failure."""
    turnstile = context.turnstile
    if turnstile.state is not BreakerState.CLOSED:
        raise UnavailableError(f"its calls failed and wait; {turnstile.describe()}")
    return f"{await context.ports.model.check()}; {turnstile.describe()}"


async def _checked(check: Awaitable[str]) -> dict[str, str]:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            return {"status": "up", "detail": await check}
    except UnavailableError as error:
        return {"status": "down", "detail": str(error)}
    except TimeoutError:
        return {"status": "down", "detail": f"no answer within {CHECK_SECONDS:.0f} s"}
    except Exception as error:  # noqa: BLE001 (a health page reports trouble, it never has any)
        return {"status": "down", "detail": f"{type(error).__name__}: {error}"}


def _overall(dependencies: Dependencies) -> Health:
    if dependencies["broker"]["status"] != "up":
        return "unhealthy"
    if all(each["status"] == "up" for each in dependencies.values()):
        return "healthy"
    return "degraded"
