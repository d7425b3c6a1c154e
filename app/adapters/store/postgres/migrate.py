"""Numbered migrations: each once, in a transaction, also when five processes start together."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, TypeVar

import asyncpg

from app.adapters.store.postgres.pool import translate, where, wrong_address
from app.errors import SettingsError

Value = TypeVar("Value")

#: Any fixed number: who migrates holds this advisory lock.
_LOCK = 5_820_317_104
_CONNECT_SECONDS = 5.0
_LOCK_SECONDS = 120.0
_NAME = re.compile(r"(\d{4})_(\w+)\.sql")

_TABLE = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    number     integer PRIMARY KEY,
    name       text NOT NULL,
    checksum   text NOT NULL,
    applied_at double precision NOT NULL DEFAULT extract(epoch FROM clock_timestamp()))
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """A step of the schema. An applied one never changes: the next one changes the schema."""

    number: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


async def migrate(dsn: str, folder: Traversable | None = None) -> list[str]:
    """Bring a database up to date; return the names of the migrations that were applied.

    Raises StoreUnavailable, and SettingsError when the database is not one this code can use.
    """
    migrations = load(folder)

    async def work(connection: Any) -> list[str]:
        await connection.execute("SELECT pg_advisory_lock($1)", _LOCK, timeout=_LOCK_SECONDS)
        await connection.execute(_TABLE)
        applied = await _applied(connection)
        _check(migrations, applied)
        pending = [each for each in migrations if each.number not in applied]
        for migration in pending:
            async with connection.transaction():
                await connection.execute(migration.sql)
                await connection.execute(
                    "INSERT INTO schema_migrations (number, name, checksum) VALUES ($1, $2, $3)",
                    migration.number,
                    migration.name,
                    migration.checksum,
                )
        return [migration.name for migration in pending]

    return await _connected(dsn, work)


async def status(
    dsn: str, folder: Traversable | None = None
) -> list[tuple[int, str, float | None]]:
    """Return (number, name, Unix seconds of its application or None) of all migrations.

    Raises as `migrate` does, and changes nothing.
    """
    migrations = load(folder)

    async def work(connection: Any) -> list[tuple[int, str, float | None]]:
        exists = await connection.fetchval("SELECT to_regclass('schema_migrations') IS NOT NULL")
        applied = await _applied(connection) if exists else {}
        _check(migrations, applied)
        return [
            (each.number, each.name, applied[each.number]["applied_at"])
            if each.number in applied
            else (each.number, each.name, None)
            for each in migrations
        ]

    return await _connected(dsn, work)


def load(folder: Traversable | None = None) -> list[Migration]:
    """Return the migrations of a folder (the package's own by default) in order of number."""
    folder = folder if folder is not None else files("app.adapters.store.postgres") / "migrations"
    found = []
    for file in folder.iterdir():
        if match := _NAME.fullmatch(file.name):
            name = file.name.removesuffix(".sql")
            found.append(Migration(int(match[1]), name, file.read_text(encoding="utf-8")))
    found.sort(key=lambda migration: migration.number)
    if len({migration.number for migration in found}) < len(found):
        raise ValueError("two migrations have the same number")
    return found


def _check(migrations: list[Migration], applied: dict[int, Any]) -> None:
    """Raise SettingsError when a database was not made by these migrations."""
    known = {migration.number: migration for migration in migrations}
    for number, row in applied.items():
        if number not in known:
            raise SettingsError(
                f"the database is newer than this program: it has migration {row['name']},"
                " which this version does not know. Install the newer version",
                name="ANSWERLOOP_DATABASE",
            )
        if known[number].checksum != row["checksum"]:
            raise SettingsError(
                f"migration {known[number].name} was changed after the database got it:"
                " put the file back as it was, and write a new migration",
                name="ANSWERLOOP_DATABASE",
            )


async def _applied(connection: Any) -> dict[int, Any]:
    rows = await connection.fetch("SELECT * FROM schema_migrations ORDER BY number")
    return {row["number"]: row for row in rows}


async def _connected(dsn: str, work: Callable[[Any], Awaitable[Value]]) -> Value:
    try:
        async with _connection(dsn) as connection:
            return await work(connection)
    except Exception as error:
        ours = translate(error, where(dsn))
        if ours is None or ours is error:
            raise
        raise ours from error


@asynccontextmanager
async def _connection(dsn: str) -> AsyncIterator[Any]:
    try:
        connection = await asyncpg.connect(dsn, timeout=_CONNECT_SECONDS)
    except (ValueError, asyncpg.ClientConfigurationError):
        raise wrong_address() from None
    try:
        yield connection  # closing it gives the lock back
    finally:
        try:
            await connection.close(timeout=_CONNECT_SECONDS)
        except (TimeoutError, OSError, asyncpg.InterfaceError, asyncio.CancelledError):
            connection.terminate()
