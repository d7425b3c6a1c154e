"""Stores for reading, also beside a worker that runs the embedded database."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Protocol, TypeVar

from app.opening.closing import Closer
from app.opening.stores import embedded_database_folder, open_rating_store, open_store
from app.ports import AnswerStore
from app.ports.ratings import RatingStore
from app.settings import Settings


class _Closing(Protocol):
    async def close(self) -> None: ...


Store = TypeVar("Store")
Running = TypeVar("Running", bound=_Closing)


@asynccontextmanager
async def reading_answers(settings: Settings) -> AsyncIterator[AnswerStore]:
    """Give the store of the answers. Raises UnavailableError."""
    from app.adapters.store.postgres.store import PostgresStore

    async with _reading(settings, open_store, PostgresStore) as store:
        yield store


@asynccontextmanager
async def reading_ratings(settings: Settings) -> AsyncIterator[RatingStore]:
    """Give the store of the ratings. Raises UnavailableError."""
    from app.adapters.store.postgres.ratings import PostgresRatingStore

    async with _reading(settings, open_rating_store, PostgresRatingStore) as store:
        yield store


@asynccontextmanager
async def _reading(
    settings: Settings,
    opened: Callable[[Settings, list[Closer]], Awaitable[Store]],
    running: Callable[[str], Running],
) -> AsyncIterator[Store | Running]:
    """Open the store, or that of the server which another process of this DATA_DIR runs."""
    from app.adapters.embedded_postgres.files import Installation
    from app.adapters.embedded_postgres.server import EmbeddedPostgresBusy

    closers: list[Closer] = []
    try:
        try:
            store: Store | Running = await opened(settings, closers)
        except EmbeddedPostgresBusy:
            beside = running(Installation.of_running(embedded_database_folder(settings)).dsn)
            closers.append(beside.close)
            store = beside
        yield store
    finally:
        for closer in reversed(closers):
            await closer()
