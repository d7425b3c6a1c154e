"""Real PostgreSQL and Redis: one of each for a test run, a fresh database for each test."""

from __future__ import annotations

import asyncio
import itertools
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from app.adapters.store.postgres.migrate import migrate
from tests.servers import require
from tests.servers.postgres import PostgresServer, start_postgres
from tests.servers.redis import RedisServer, start_redis

_TEMPLATE = "migrated"
_EMPTY = """
DO $$ BEGIN EXECUTE (
    SELECT 'TRUNCATE ' || string_agg(format('%I', tablename), ', ') FROM pg_tables
    WHERE schemaname = 'public' AND tablename <> 'schema_migrations');
END $$
"""
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A real server, of which each test gets its own database; tests may stop and restart it."""
    with tempfile.TemporaryDirectory(prefix="answerloop-postgres-") as folder:
        Path(folder).chmod(0o755)  # the server runs as another user when we are root
        server = require(lambda: start_postgres(Path(folder)))
        try:
            asyncio.run(_execute(server.dsn, f"CREATE DATABASE {_TEMPLATE}"))
            asyncio.run(migrate(server.dsn_of(_TEMPLATE)))
            yield server
        finally:
            server.stop("immediate")


@pytest.fixture
def empty_postgres_dsn(postgres_server: PostgresServer) -> str:
    """The DSN of a database with nothing in it."""
    return _new_database(postgres_server, "template1")


@pytest.fixture(scope="module")
def postgres_database(postgres_server: PostgresServer) -> str:
    """The DSN of a migrated database, for the tests of a module in turn."""
    return _new_database(postgres_server, _TEMPLATE)


@pytest.fixture
def postgres_dsn(postgres_database: str) -> str:
    """The DSN of a migrated database without rows."""
    asyncio.run(_execute(postgres_database, _EMPTY))
    return postgres_database


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """A real server; tests may pause it when they resume it."""
    with tempfile.TemporaryDirectory(prefix="answerloop-redis-") as folder:
        server = require(lambda: start_redis(Path(folder)))
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """The URL of a real server. Use a key prefix of your own."""
    return redis_server.url


def _new_database(server: PostgresServer, template: str) -> str:
    name = f"test_{next(_numbers)}"
    asyncio.run(_execute(server.dsn, f"CREATE DATABASE {name} TEMPLATE {template}"))
    return server.dsn_of(name)


async def _execute(dsn: str, sql: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()
