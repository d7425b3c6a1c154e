"""Stores for reading beside the process that runs the embedded database."""

from __future__ import annotations

import asyncio
from pathlib import Path

from app.adapters.embedded_postgres.server import EmbeddedPostgres
from app.adapters.store.postgres.migrate import migrate
from app.adapters.store.postgres.store import PostgresStore
from app.opening import embedded_database_folder
from app.opening.beside import reading_answers, reading_ratings
from app.settings import load_settings
from tests.adapters.store.contract_facts import accepted


async def test_a_database_that_runs_is_read_and_goes_on(tmp_path: Path) -> None:
    settings = load_settings(database="embedded:", data_dir=tmp_path / "data")
    server = EmbeddedPostgres(embedded_database_folder(settings))
    dsn = await asyncio.to_thread(server.start)
    try:
        await migrate(dsn)
        owner = PostgresStore(dsn)
        await owner.accept([accepted("q1")])
        async with reading_answers(settings) as answers, reading_ratings(settings) as ratings:
            assert await answers.question("q1") is not None
            assert (await ratings.stats()).totals.valid == 0
        assert await owner.question("q1") is not None, "reading ended the server"
        await owner.close()
    finally:
        await asyncio.to_thread(server.stop)


async def test_a_database_that_nobody_runs_is_started_for_the_time(tmp_path: Path) -> None:
    settings = load_settings(database="embedded:", data_dir=tmp_path / "data")
    async with reading_answers(settings) as store:
        assert await store.question("nobody") is None
    server = EmbeddedPostgres(embedded_database_folder(settings))
    await asyncio.to_thread(server.start)  # refused while another runs it
    await asyncio.to_thread(server.stop)
