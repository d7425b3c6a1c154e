"""Real PostgreSQL in a bad state: found, and mended by the command that the doctor says."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from app.adapters.store.postgres.migrate import load, migrate
from app.doctor.check import Site
from app.doctor.outcome import Outcome, Status
from tests.doctor.looking import look, mends, site, type_in
from tests.doctor.test_host import Fake
from tests.servers.postgres import PostgresServer

pytestmark = pytest.mark.postgres


async def run(dsn: str, *statements: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        for each in statements:
            await connection.execute(each)
    finally:
        await connection.close()


async def seen(at: Site, name: str) -> Outcome:
    return await asyncio.to_thread(look, at, name)


async def mended(at: Site, name: str, folder: Path) -> Outcome:
    """What the check says once the commands that it said have been typed in."""
    for command in mends(await seen(at, name), "command"):
        await asyncio.to_thread(type_in, command, folder, at.settings)
    return await seen(at, name)


def test_an_old_schema_is_found_and_migrated(tmp_path: Path, empty_postgres_dsn: str) -> None:
    at = site(tmp_path, database=empty_postgres_dsn)
    empty = look(at, "database-schema")
    assert (empty.status, "empty" in empty.seen) == (Status.WARNING, True)
    old = tmp_path / "old"
    old.mkdir()
    for step in load()[:-2]:
        (old / f"{step.name}.sql").write_text(step.sql)
    asyncio.run(migrate(empty_postgres_dsn, old))
    found = look(at, "database-schema")
    assert found.status is Status.PROBLEM
    assert f"2 of {len(load())} migrations are missing" in found.seen
    assert mends(found, "command") == ["answerloop db migrate"]
    assert asyncio.run(mended(at, "database-schema", tmp_path)).status is Status.OK
    newer = "INSERT INTO schema_migrations VALUES (9999, '9999_later', 'x')"
    asyncio.run(run(empty_postgres_dsn, newer))
    later = look(at, "database-schema")
    assert (later.status, "newer than this program" in later.seen) == (Status.PROBLEM, True)


async def test_a_database_that_is_not_there_is_found_and_made(
    tmp_path: Path, postgres_server: PostgresServer
) -> None:
    at = site(tmp_path, database=postgres_server.dsn_of("not_made"))
    found = await seen(at, "database")
    assert found.status is Status.PROBLEM
    assert (await seen(at, "database-clock")).status is Status.SKIPPED
    assert (await mended(at, "database", tmp_path)).status is Status.OK
    assert (await seen(at, "database-clock")).status is Status.OK


async def test_a_server_that_is_away_is_found(tmp_path: Path) -> None:
    found = await seen(site(tmp_path, database="postgresql://u:word@127.0.0.1:1/x"), "database")
    assert found.status is Status.PROBLEM
    assert "word" not in found.seen
    assert "ANSWERLOOP_DATABASE=postgresql://USER@HOST:5432/NAME" in mends(found, "setting")


async def test_a_user_without_rights_is_found_and_granted_them(
    tmp_path: Path, postgres_dsn: str
) -> None:
    await run(
        postgres_dsn,
        'DROP ROLE IF EXISTS "doctor-guest"',
        'CREATE ROLE "doctor-guest" LOGIN',
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
    )
    at = site(tmp_path, database=postgres_dsn.replace("://app@", "://doctor-guest@"))
    found = await seen(at, "database-permissions")
    assert found.status is Status.PROBLEM
    assert "may not read and write" in found.seen
    assert "questions" in found.seen
    half = await mended(at, "database-permissions", tmp_path)
    assert half.status is Status.WARNING
    assert "can't make tables" in half.seen
    assert (await mended(at, "database-permissions", tmp_path)).status is Status.OK
    await run(postgres_dsn, 'DROP OWNED BY "doctor-guest"', 'DROP ROLE "doctor-guest"')


async def test_too_few_connections_are_found_and_allowed(
    tmp_path: Path, empty_postgres_dsn: str
) -> None:
    at = site(tmp_path, database=empty_postgres_dsn)
    name = empty_postgres_dsn.rpartition("/")[2]
    assert (await seen(at, "database-connections")).status is Status.OK
    await run(empty_postgres_dsn, f"ALTER DATABASE {name} CONNECTION LIMIT 15")
    found = await seen(at, "database-connections")
    assert found.status is Status.WARNING
    assert "one worker may open 18" in found.seen
    assert (await mended(at, "database-connections", tmp_path)).status is Status.OK


@pytest.mark.parametrize(("ahead", "status"), [(4.0, Status.WARNING), (-60.0, Status.PROBLEM)])
async def test_a_clock_that_differs_is_found(
    tmp_path: Path, postgres_dsn: str, ahead: float, status: Status
) -> None:
    at = site(tmp_path, database=postgres_dsn)
    assert (await seen(at, "database-clock")).status is Status.OK
    at.machine = Shifted(ahead)
    found = await seen(at, "database-clock")
    assert found.status is status
    assert mends(found, "command") == ["sudo timedatectl set-ntp true"]


class Shifted(Fake):
    """A machine whose clock is wrong by some seconds."""

    def __init__(self, ahead: float) -> None:
        super().__init__()
        self._ahead = ahead

    def now(self) -> float:
        return super().now() + self._ahead


async def test_a_database_that_may_forget_is_found_and_told_not_to(
    tmp_path: Path, empty_postgres_dsn: str
) -> None:
    name = empty_postgres_dsn.rpartition("/")[2]
    await run(
        empty_postgres_dsn,
        f"ALTER DATABASE {name} SET synchronous_commit = off",
        f"ALTER DATABASE {name} SET default_transaction_read_only = on",
    )
    at = site(tmp_path, database=empty_postgres_dsn)
    closed = await seen(at, "database")
    assert (closed.status, "closed for writing" in closed.seen) == (Status.PROBLEM, True)
    assert (await mended(at, "database", tmp_path)).status is Status.OK
    found = await seen(at, "database-durability")
    assert found.status is Status.WARNING
    assert "synchronous_commit is off (by database)" in found.seen
    assert "fsync is off (by command line)" in found.seen, "the suite's server is started so"
    after = await mended(at, "database-durability", tmp_path)
    assert "synchronous_commit" not in after.seen


async def test_dead_rows_are_found_and_vacuumed(tmp_path: Path, empty_postgres_dsn: str) -> None:
    await migrate(empty_postgres_dsn)
    await run(
        empty_postgres_dsn,
        "ALTER TABLE rating_movies SET (autovacuum_enabled = false)",
        "SELECT pg_stat_force_next_flush()",
    )
    columns = await _columns(empty_postgres_dsn, "rating_movies")
    values = ", ".join(_value(name, kind) for name, kind in columns)
    await run(
        empty_postgres_dsn,
        f"INSERT INTO rating_movies ({', '.join(name for name, _ in columns)})"
        f" SELECT {values} FROM generate_series(1, 12000) AS n",
        "DELETE FROM rating_movies",
        "SELECT pg_stat_force_next_flush()",
    )
    at = site(tmp_path, database=empty_postgres_dsn)
    found = await seen(at, "database-tables")
    assert found.status is Status.WARNING
    assert "rating_movies has 12,000 dead rows" in found.seen
    assert (await mended(at, "database-tables", tmp_path)).status is Status.OK


async def _columns(dsn: str, table: str) -> list[tuple[str, str]]:
    connection = await asyncpg.connect(dsn)
    try:
        rows: list[Any] = await connection.fetch(
            "SELECT column_name, data_type FROM information_schema.columns"
            " WHERE table_name = $1 AND is_nullable = 'NO' AND column_default IS NULL",
            table,
        )
    finally:
        await connection.close()
    return [(row["column_name"], row["data_type"]) for row in rows]


def _value(name: str, kind: str) -> str:
    if kind == "ARRAY":
        return "'{}'"
    return "n" if name.endswith("id") else "0"


def test_an_embedded_database_is_started_for_the_look_and_stopped(tmp_path: Path) -> None:
    from app.adapters.embedded_postgres.server import EmbeddedPostgres

    at = site(tmp_path, database="embedded:")
    assert "not made yet" in look(at, "database").seen
    folder = tmp_path / "data" / "postgres"
    server = EmbeddedPostgres(folder)
    asyncio.run(migrate(server.start()))
    try:
        assert look(at, "database-schema").status is Status.OK, "beside the engine that runs it"
    finally:
        server.stop()
    assert look(at, "database-durability").status is Status.OK
    server.start()  # which nobody else holds
    server.stop()
