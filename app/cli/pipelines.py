"""Pipelines inside a command: started and stopped together, on one set of parts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass

from app.config.pipelines import QUESTIONS, RATINGS
from app.errors import AnswerloopError, UnavailableError
from app.factory import PipelineApp, RatingsApp, StageApp, create_app, create_ratings_app
from app.metrics import Metrics
from app.opening import AllPorts, open_all_ports
from app.service.outside import prepare_topics
from app.service.stopping import end_process
from app.settings import Settings
from app.web.server import serve_http

RECOVERY_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Pipelines:
    """The apps that run in this process; they share figures, parts and the HTTP server."""

    questions: PipelineApp | None
    ratings: RatingsApp | None

    @property
    def apps(self) -> list[StageApp]:
        return [app for app in (self.questions, self.ratings) if app is not None]

    @property
    def have_crashed(self) -> bool:
        return any(app._crashed.is_set() for app in self.apps)

    async def crashed(self) -> StageApp:
        """Return the first app that crashes."""
        waits = {asyncio.ensure_future(app._crashed.wait()): app for app in self.apps}
        try:
            done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        return waits[done.pop()]


@asynccontextmanager
async def unless_crashed(pipelines: Pipelines) -> AsyncIterator[None]:
    """Break the block off, and raise AnswerloopError, when an app crashes while it lasts."""
    this = asyncio.current_task()
    assert this is not None  # noqa: S101 (a coroutine of a task)
    found: list[StageApp] = []

    async def watch() -> None:
        found.append(await pipelines.crashed())
        this.cancel()

    watching = asyncio.create_task(watch())
    try:
        yield
    except asyncio.CancelledError:
        if not found or this.uncancel():
            raise
        reason = f"{found[0].crash_reason!r}"
        raise AnswerloopError(
            f"the engine crashed: {reason}. Nothing is lost: the same command goes on where it was"
        ) from None
    finally:
        watching.cancel()


@asynccontextmanager
async def running_pipelines(
    settings: Settings,
    names: Collection[str],
    opened: Callable[[], object] = lambda: None,
) -> AsyncIterator[Pipelines]:
    """Start these pipelines in this process, with an HTTP server, and stop them at the end.

    `opened` is called when the models and the database are there, before an app starts.
    Raises UnavailableError or SettingsError before anything runs when a part can't be reached.
    """
    outside = await open_all_ports(settings, names)
    apps: list[StageApp] = []
    try:
        opened()
        pipelines = _create(settings, names, outside.ports)
        apps = pipelines.apps
        await prepare_topics(settings, names)
        serve_http(settings, questions=pipelines.questions, ratings=pipelines.ratings)
        await _start(apps)
        try:
            await asyncio.gather(*(_recovered(app) for app in apps))
            yield pipelines
        finally:
            await _stop(apps)
    finally:
        await outside.close()
        if not all(app.stopped_in_time for app in apps):
            # threads of the broker's client would keep the process alive
            end_process(UnavailableError.exit_code)


def _create(settings: Settings, names: Collection[str], ports: AllPorts) -> Pipelines:
    metrics = Metrics()
    pipelines = Pipelines(
        create_app(settings, ports.questions, metrics=metrics) if QUESTIONS in names else None,
        create_ratings_app(settings, ports.ratings, metrics=metrics) if RATINGS in names else None,
    )
    for app in pipelines.apps:
        app.owns_process = True
    return pipelines


async def _start(apps: Collection[StageApp]) -> None:
    """Start all side by side. When one can't, or we are told to stop, the others are stopped."""
    starts = {asyncio.ensure_future(app.start()): app for app in apps}
    try:
        await asyncio.gather(*starts)
    except BaseException:
        for start in starts:
            start.cancel()
        await asyncio.wait(starts)
        await _stop([app for start, app in starts.items() if not _failed(start)])
        raise


def _failed(start: asyncio.Future[None]) -> bool:
    return not start.cancelled() and start.exception() is not None


async def _stop(apps: Collection[StageApp]) -> None:
    """Stop all side by side: together they take no longer than the slowest.

    Whoever asks for a stop meanwhile gets this one: half a stop would leave threads behind.
    """
    stopping = asyncio.gather(*(app.stop() for app in apps), return_exceptions=True)
    while not stopping.done():
        try:
            await asyncio.shield(stopping)
        except asyncio.CancelledError:
            if (this := asyncio.current_task()) is not None:
                this.uncancel()
    for result in stopping.result():
        if isinstance(result, BaseException):
            raise result


async def _recovered(app: StageApp) -> None:
    """Wait until the tables are back and the partitions are ours, or the app has crashed."""
    try:
        async with asyncio.timeout(RECOVERY_SECONDS):
            while not app._crashed.is_set() and (app.rebalancing or not app.tables.actives_ready):
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise UnavailableError(
            "the broker did not give the engine its partitions in time"
        ) from None
