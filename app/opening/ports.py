"""From settings to open ports: which adapter serves each URL, started and checked."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import AsyncIterator, Awaitable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import structlog

from app.config.pipelines import QUESTIONS, RATINGS
from app.errors import UnavailableError
from app.opening.closing import Closer
from app.opening.greeting import greet_scorer
from app.opening.model import open_checked_model
from app.opening.scorer import open_scorer
from app.opening.stores import answer_store, open_database, rating_store
from app.ports import AnswerCache, Ports
from app.ports.ratings import RatingPorts
from app.ports.recommender import Recommender
from app.settings import PREFIX, Settings

Part = TypeVar("Part")
PortsT = TypeVar("PortsT")
log: Any = structlog.get_logger("answerloop")


@dataclass
class OpenPorts(Generic[PortsT]):
    """Open ports and what has to be closed, in reverse order."""

    ports: PortsT
    _closers: list[Closer] = field(default_factory=list)

    async def close(self) -> None:
        """Close everything; one adapter's trouble does not keep the others open."""
        for closer in reversed(self._closers):
            try:
                await closer()
            except Exception:  # noqa: BLE001 (the end: the other adapters are to be closed, too)
                log.error("close_failed", error=traceback.format_exc())
        self._closers.clear()


@dataclass(frozen=True, slots=True)
class AllPorts:
    """The ports of the pipelines that run in one process."""

    questions: Ports | None
    ratings: RatingPorts | None


async def open_ports(settings: Settings) -> OpenPorts[Ports]:
    """Open every port. Raises UnavailableError or SettingsError naming the one that failed."""
    async with _opening() as closers:
        dsn = await _named("DATABASE", open_database(settings, closers))
        return OpenPorts(await _question_ports(settings, dsn, closers), closers)


async def open_rating_ports(settings: Settings) -> OpenPorts[RatingPorts]:
    """Open what the ratings need. Raises as `open_ports` does."""
    async with _opening() as closers:
        dsn = await _named("DATABASE", open_database(settings, closers))
        return OpenPorts(await _rating_ports(settings, dsn, closers), closers)


async def open_all_ports(settings: Settings, names: Collection[str]) -> OpenPorts[AllPorts]:
    """Open the ports of the pipelines of these names, on one database. Raises as `open_ports`."""
    async with _opening() as closers:
        dsn = await _named("DATABASE", open_database(settings, closers))
        ratings = await _rating_ports(settings, dsn, closers) if RATINGS in names else None
        questions = await _question_ports(settings, dsn, closers) if QUESTIONS in names else None
        return OpenPorts(AllPorts(questions, ratings), closers)


@asynccontextmanager
async def _opening() -> AsyncIterator[list[Closer]]:
    """Close what was opened so far when the rest can't be."""
    closers: list[Closer] = []
    try:
        yield closers
    except BaseException:
        for closer in reversed(closers):
            await closer()
        raise


async def _question_ports(settings: Settings, dsn: str | None, closers: list[Closer]) -> Ports:
    from app.adapters.clock import SystemClock

    store = await _named("DATABASE", answer_store(settings, dsn, closers))
    cache = await open_cache(settings, closers)
    model = await _named("LLM", open_checked_model(settings, closers))
    scorer = open_scorer(settings, closers)
    await greet_scorer(settings, scorer)
    return Ports(model, scorer, store, cache, SystemClock())


async def _rating_ports(settings: Settings, dsn: str | None, closers: list[Closer]) -> RatingPorts:
    from app.adapters.clock import SystemClock

    store = await _named("DATABASE", rating_store(dsn, closers))
    recommender = await asyncio.to_thread(open_recommender, settings)
    return RatingPorts(store, recommender, SystemClock())


async def _named(setting: str, opening: Awaitable[Part]) -> Part:
    """Open a part; what can't be reached is told with the setting that names it."""
    try:
        return await opening
    except UnavailableError as error:
        raise UnavailableError(f"{PREFIX}{setting}: {error}") from error


async def open_cache(settings: Settings, closers: list[Closer]) -> AnswerCache:
    """Open the cache. A Redis that is away does not stop the start: it is only a cache."""
    if settings.cache == "memory:":
        from app.adapters.cache.memory import MemoryCache

        return MemoryCache()
    from app.adapters.cache.redis import RedisCache
    from app.core.questions import SHAPE

    # What another version keeps there has another shape: it is not found, and the database asked.
    cache = RedisCache(settings.cache, prefix=f"{settings.app_id}:{SHAPE}:")
    closers.append(cache.close)
    return cache


def open_recommender(settings: Settings) -> Recommender:
    """Open the newest fitted model, or running means. Reads a file: call it off the event loop."""
    from app.recommender import opening

    return opening.open_recommender(settings.model_folder)
