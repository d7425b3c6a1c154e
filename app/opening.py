"""From settings to open ports: which adapter serves each URL, started and checked."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import structlog

from app.config.pipelines import QUESTIONS, RATINGS
from app.errors import UnavailableError
from app.ports import AnswerCache, AnswerStore, LanguageModel, Ports, Scorer
from app.ports.ratings import RatingPorts, RatingStore
from app.ports.recommender import Recommender
from app.settings import PREFIX, Settings

#: How long a start waits for a scorer elsewhere to tell its name.
GREETING_SECONDS = 3.0

Closer = Callable[[], Awaitable[None]]
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
        dsn = await _named("DATABASE", _open_database(settings, closers))
        return OpenPorts(await _question_ports(settings, dsn, closers), closers)


async def open_rating_ports(settings: Settings) -> OpenPorts[RatingPorts]:
    """Open what the ratings need. Raises as `open_ports` does."""
    async with _opening() as closers:
        dsn = await _named("DATABASE", _open_database(settings, closers))
        return OpenPorts(await _rating_ports(settings, dsn, closers), closers)


async def open_all_ports(settings: Settings, names: Collection[str]) -> OpenPorts[AllPorts]:
    """Open the ports of the pipelines of these names, on one database. Raises as `open_ports`."""
    async with _opening() as closers:
        dsn = await _named("DATABASE", _open_database(settings, closers))
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

    store = await _named("DATABASE", _answer_store(settings, dsn, closers))
    cache = await open_cache(settings, closers)
    model = await _named("LLM", _open_model(settings, closers))
    scorer = open_scorer(settings, closers)
    await greet_scorer(settings, scorer)
    return Ports(model, scorer, store, cache, SystemClock())


async def _rating_ports(settings: Settings, dsn: str | None, closers: list[Closer]) -> RatingPorts:
    from app.adapters.clock import SystemClock

    store = await _named("DATABASE", _rating_store(dsn, closers))
    recommender = await asyncio.to_thread(open_recommender, settings)
    return RatingPorts(store, recommender, SystemClock())


async def _named(setting: str, opening: Awaitable[Part]) -> Part:
    """Open a part; what can't be reached is told with the setting that names it."""
    try:
        return await opening
    except UnavailableError as error:
        raise UnavailableError(f"{PREFIX}{setting}: {error}") from error


async def open_store(settings: Settings, closers: list[Closer]) -> AnswerStore:
    """Open the database, migrated; what must be closed is added to `closers`."""
    return await _answer_store(settings, await _open_database(settings, closers), closers)


async def open_rating_store(settings: Settings, closers: list[Closer]) -> RatingStore:
    """Open the database for the ratings, migrated; what must be closed is added to `closers`."""
    return await _rating_store(await _open_database(settings, closers), closers)


async def _answer_store(settings: Settings, dsn: str | None, closers: list[Closer]) -> AnswerStore:
    if dsn is None:
        from app.adapters.store.memory import MemoryStore

        return MemoryStore()
    from app.adapters.store.postgres.store import PostgresStore

    store = PostgresStore(dsn)
    await store.open()
    closers.append(store.close)
    if settings.database == "embedded:":
        await store.end_leases()  # we have just started it: whoever held them is gone
    return store


async def _rating_store(dsn: str | None, closers: list[Closer]) -> RatingStore:
    if dsn is None:
        from app.adapters.store.rating_memory import MemoryRatingStore

        return MemoryRatingStore()
    from app.adapters.store.postgres.ratings import PostgresRatingStore

    store = PostgresRatingStore(dsn)
    await store.open()
    closers.append(store.close)
    return store


async def _open_database(settings: Settings, closers: list[Closer]) -> str | None:
    """Return the address of the migrated database; None where the stores are in memory."""
    if settings.database == "memory:":
        return None
    from app.adapters.store.postgres.migrate import migrate

    dsn = await database_dsn(settings, closers)
    await migrate(dsn)
    return dsn


async def database_dsn(settings: Settings, closers: list[Closer]) -> str:
    if settings.database != "embedded:":
        return settings.database
    from app.adapters.embedded_postgres.server import EmbeddedPostgres

    server = EmbeddedPostgres(embedded_database_folder(settings))
    dsn = await asyncio.to_thread(server.start)
    closers.append(lambda: asyncio.to_thread(server.stop))
    return dsn


def embedded_database_folder(settings: Settings) -> Path:
    return settings.data_dir.absolute() / "postgres"


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


def model_of(settings: Settings) -> LanguageModel:
    """Return the model that the settings name, nothing connected yet: `resolve_model` makes it one.

    Raises SettingsError when it can't be.
    """
    from app.adapters.llm.open import open_model

    return open_model(
        settings.llm,
        settings.llm_model,
        settings.llm_api_key.get_secret_value() if settings.llm_api_key else "",
        settings.llm_timeout_seconds,
        also=sorted(set(settings.strategies.models())),
        causes=settings.causes,
    )


async def _open_model(settings: Settings, closers: list[Closer]) -> LanguageModel:
    from app.adapters.llm.auto import resolve_model

    model = await resolve_model(model_of(settings))
    closers.append(model.close)
    await model.check()
    return model


def open_scorer(settings: Settings, closers: list[Closer]) -> Scorer:
    """Make the scorer. Its model loads in the background: judging waits for it."""
    if settings.scorer == "memory:":
        from app.adapters.scorer.memory import OverlapScorer

        return OverlapScorer()
    scorer: Scorer
    if settings.scorer == "local:":
        from app.adapters.scorer.fast import FastScorer

        scorer = FastScorer(
            settings.scorer_model,
            threads=settings.scorer_threads,
            baseline=settings.scorer_baseline if settings.scorer_rescale else None,
            graph_folder=settings.data_dir.absolute() / "encoders",
        )
    else:
        from app.adapters.scorer.http import HttpScorer

        token = settings.api_token.get_secret_value() if settings.api_token else ""
        scorer = HttpScorer(settings.scorer, token)
    closers.append(scorer.close)
    return scorer


async def greet_scorer(settings: Settings, scorer: Scorer) -> None:
    """Learn the name of a scorer elsewhere, and log the gate that it puts in force.

    One that is away is no reason not to start: it tells its name with its first scores.
    """
    if settings.scorer in ("local:", "memory:"):
        return
    from app.config.gate import gate_by, gates_by_scorer

    away = ""
    try:
        async with asyncio.timeout(GREETING_SECONDS):
            await scorer.check()
    except UnavailableError as error:
        away = str(error)
    except TimeoutError:
        away = f"no answer within {GREETING_SECONDS:.0f} s"
    gate = gate_by(settings, scorer.name)
    facts = {"gate": gate.source, "metric": str(gate.metric), "threshold": gate.threshold}
    if away:
        if gates_by_scorer(settings):
            facts["until"] = "it tells its name"
            facts["mend"] = "QUALITY_PROFILE=minilm-l6 names the bundled model's gate"
        log.warning("scorer_away", reason=away[:300], **facts)
    else:
        log.info("scorer_elsewhere", scorer=scorer.name, **facts)


def open_recommender(settings: Settings) -> Recommender:
    """Open the newest fitted model, or running means. Reads a file: call it off the event loop."""
    from app.recommender import opening

    return opening.open_recommender(settings.model_folder)
