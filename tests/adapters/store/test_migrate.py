"""Migrations: once, in order, together, and never over an edited or newer schema."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

import asyncpg
import pytest

from app.adapters.store.postgres.migrate import load, migrate, status
from app.errors import SettingsError, StoreUnavailable

pytestmark = pytest.mark.postgres


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "0001_fruit.sql").write_text("CREATE TABLE fruit (name text);", encoding="utf-8")
    (tmp_path / "0002_apple.sql").write_text(
        "INSERT INTO fruit VALUES ('apple'); INSERT INTO fruit VALUES ('ñame');", encoding="utf-8"
    )
    (tmp_path / "README.md").write_text("not a migration", encoding="utf-8")
    return tmp_path


async def fruit(dsn: str) -> list[str]:
    connection = await asyncpg.connect(dsn)
    try:
        return [row["name"] for row in await connection.fetch("SELECT name FROM fruit")]
    finally:
        await connection.close()


async def test_an_empty_database_gets_all_and_a_full_one_nothing(
    empty_postgres_dsn: str, folder: Path
) -> None:
    before = await status(empty_postgres_dsn, folder)
    assert before == [(1, "0001_fruit", None), (2, "0002_apple", None)]
    assert await migrate(empty_postgres_dsn, folder) == ["0001_fruit", "0002_apple"]
    assert await migrate(empty_postgres_dsn, folder) == []
    assert await fruit(empty_postgres_dsn) == ["apple", "ñame"]
    for _, _, applied_at in await status(empty_postgres_dsn, folder):
        assert applied_at == pytest.approx(time.time(), abs=30)


async def test_a_new_migration_is_applied_alone(empty_postgres_dsn: str, folder: Path) -> None:
    await migrate(empty_postgres_dsn, folder)
    (folder / "0003_pear.sql").write_text("INSERT INTO fruit VALUES ('pear')", encoding="utf-8")
    assert await migrate(empty_postgres_dsn, folder) == ["0003_pear"]
    assert await fruit(empty_postgres_dsn) == ["apple", "ñame", "pear"]


async def test_five_processes_at_once_apply_each_once(empty_postgres_dsn: str) -> None:
    code = (
        "import asyncio, sys; from app.adapters.store.postgres.migrate import migrate;"
        " print(len(asyncio.run(migrate(sys.argv[1]))))"
    )
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", code, empty_postgres_dsn, stdout=asyncio.subprocess.PIPE
        )
        for _ in range(5)
    ]
    outputs = await asyncio.gather(*(process.communicate() for process in processes))
    assert [process.returncode for process in processes] == [0] * 5
    assert sorted(int(output) for output, _ in outputs) == [0, 0, 0, 0, len(load())]


async def test_a_migration_that_fails_leaves_nothing_of_itself(
    empty_postgres_dsn: str, folder: Path
) -> None:
    (folder / "0003_bad.sql").write_text(
        "INSERT INTO fruit VALUES ('half'); SELECT * FROM nowhere;", encoding="utf-8"
    )
    with pytest.raises(asyncpg.UndefinedTableError):
        await migrate(empty_postgres_dsn, folder)
    assert await fruit(empty_postgres_dsn) == ["apple", "ñame"]
    assert (await status(empty_postgres_dsn, folder))[2] == (3, "0003_bad", None)


async def test_an_edited_migration_is_refused(empty_postgres_dsn: str, folder: Path) -> None:
    await migrate(empty_postgres_dsn, folder)
    (folder / "0001_fruit.sql").write_text("CREATE TABLE fruit (name int);", encoding="utf-8")
    for command in (migrate, status):
        with pytest.raises(SettingsError, match="0001_fruit was changed"):
            await command(empty_postgres_dsn, folder)


async def test_a_newer_database_is_refused(empty_postgres_dsn: str, folder: Path) -> None:
    await migrate(empty_postgres_dsn, folder)
    (folder / "0002_apple.sql").unlink()
    for command in (migrate, status):
        with pytest.raises(SettingsError, match="newer than this program"):
            await command(empty_postgres_dsn, folder)


async def test_no_server_is_unavailable() -> None:
    with pytest.raises(StoreUnavailable):
        await migrate("postgresql://app@127.0.0.1:1/nowhere")


@pytest.mark.parametrize("dsn", ["mysql://u:s3cret@h/d", "postgresql://u:s3cret@h:port/d"])
async def test_a_wrong_address_is_a_setting_without_its_secret(dsn: str) -> None:
    with pytest.raises(SettingsError) as caught:
        await status(dsn)
    assert "s3cret" not in f"{caught.value}"


def test_the_migrations_of_this_project_are_numbered_without_gaps() -> None:
    assert [migration.number for migration in load()] == list(range(1, len(load()) + 1))
