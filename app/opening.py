"""From settings to open ports: which adapter serves each URL, started and checked."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import structlog

from app.errors import UnavailableError
from app.ports import AnswerCache, AnswerStore, LanguageModel, Ports, Scorer
from app.settings import PREFIX, Settings

Closer = Callable[[], Awaitable[None]]
Part = TypeVar("Part")
log: Any = structlog.get_logger("answerloop")


@dataclass
class OpenPorts:
    """Open ports and what has to be closed, in reverse order."""

    ports: Ports
    _closers: list[Closer] = field(default_factory=list)

    async def close(self) -> None:
        """Close everything; one adapter's trouble does not keep the others open."""
        for closer in reversed(self._closers):
            try:
                await closer()
            except Exception:  # noqa: BLE001 (the end: the other adapters are to be closed, too)
                log.error("close_failed", error=traceback.format_exc())
        self._closers.clear()


async def open_ports(settings: Settings) -> OpenPorts:
    """Open every port. Raises UnavailableError or SettingsError naming the one that failed."""
    from app.adapters.clock import SystemClock

    closers: list[Closer] = []
    try:
        store = await _named("DATABASE", open_store(settings, closers))
        cache = await _open_cache(settings, closers)
        model = await _named("LLM", _open_model(settings, closers))
        scorer = open_scorer(settings, closers)
    except BaseException:
        for closer in reversed(closers):
            await closer()
        raise
    return OpenPorts(Ports(model, scorer, store, cache, SystemClock()), closers)


async def _named(setting: str, opening: Awaitable[Part]) -> Part:
    """Open a part; what can't be reached is told with the setting that names it."""
    try:
        return await opening
    except UnavailableError as error:
        raise UnavailableError(f"{PREFIX}{setting}: {error}") from error


async def open_store(settings: Settings, closers: list[Closer]) -> AnswerStore:
    """Open the database, migrated; what must be closed is added to `closers`."""
    if settings.database == "memory:":
        from app.adapters.store.memory import MemoryStore

        return MemoryStore()
    from app.adapters.store.postgres.migrate import migrate
    from app.adapters.store.postgres.store import PostgresStore

    dsn = await database_dsn(settings, closers)
    await migrate(dsn)
    store = PostgresStore(dsn)
    await store.open()
    closers.append(store.close)
    if settings.database == "embedded:":
        await store.end_leases()  # we have just started it: whoever held them is gone
    return store


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


async def _open_cache(settings: Settings, closers: list[Closer]) -> AnswerCache:
    """Open the cache. A Redis that is away does not stop the start: it is only a cache."""
    if settings.cache == "memory:":
        from app.adapters.cache.memory import MemoryCache

        return MemoryCache()
    from app.adapters.cache.redis import RedisCache

    cache = RedisCache(settings.cache, prefix=f"{settings.app_id}:")
    closers.append(cache.close)
    return cache


async def _open_model(settings: Settings, closers: list[Closer]) -> LanguageModel:
    from app.adapters.llm.auto import resolve_model
    from app.adapters.llm.open import open_model

    key = settings.llm_api_key.get_secret_value() if settings.llm_api_key else ""
    chosen = open_model(
        settings.llm,
        settings.llm_model,
        key,
        settings.llm_timeout_seconds,
        also=sorted({each.model for each in settings.strategies if each.model}),
        causes=settings.causes,
    )
    model = await resolve_model(chosen)
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
        from app.adapters.scorer.bertscore import BertScoreScorer

        scorer = BertScoreScorer(settings.scorer_model, threads=settings.scorer_threads)
    else:
        from app.adapters.scorer.http import HttpScorer

        token = settings.api_token.get_secret_value() if settings.api_token else ""
        scorer = HttpScorer(settings.scorer, token)
    closers.append(scorer.close)
    return scorer
