"""The databases of answers and of ratings, migrated."""

from __future__ import annotations

import asyncio
from pathlib import Path

from app.opening.closing import Closer
from app.ports import AnswerStore
from app.ports.ratings import RatingStore
from app.settings import Settings


async def open_store(settings: Settings, closers: list[Closer]) -> AnswerStore:
    """Open the database, migrated; what must be closed is added to `closers`."""
    return await answer_store(settings, await open_database(settings, closers), closers)


async def open_rating_store(settings: Settings, closers: list[Closer]) -> RatingStore:
    """Open the database for the ratings, migrated; what must be closed is added to `closers`."""
    return await rating_store(await open_database(settings, closers), closers)


async def answer_store(settings: Settings, dsn: str | None, closers: list[Closer]) -> AnswerStore:
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


async def rating_store(dsn: str | None, closers: list[Closer]) -> RatingStore:
    if dsn is None:
        from app.adapters.store.rating_memory import MemoryRatingStore

        return MemoryRatingStore()
    from app.adapters.store.postgres.ratings import PostgresRatingStore

    store = PostgresRatingStore(dsn)
    await store.open()
    closers.append(store.close)
    return store


async def open_database(settings: Settings, closers: list[Closer]) -> str | None:
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
