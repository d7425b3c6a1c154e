"""A database of any earlier version, with rows in it, becomes today's, and no row is changed."""

from __future__ import annotations

import json
from pathlib import Path

import asyncpg
import pytest

from app.adapters.store.postgres.migrate import load, migrate
from app.adapters.store.postgres.store import PostgresStore
from app.core.lifecycle import Status

pytestmark = pytest.mark.postgres

#: Rows of the first version: later columns have defaults, or stay empty.
ROWS = """
INSERT INTO questions (question_id, status, round, generation, attempt, question_text,
    original_answer, model, metadata, accepted_at, due_at, answer, threshold)
VALUES ('waits', 'waiting', 0, 1, 2, '¿Cuántos?', 'Dos', 'm', '{"b": 1, "a": null}', 1e9, 3e9,
        NULL, NULL),
    ('passed', 'validated', 2, 3, 1, 'ñ \U0001f600', 'Sí', 'm', '{}', 1e9, NULL, 'Sí', 0.525);
INSERT INTO attempts (question_id, round, generation, attempt, model, owner, lease_until,
    started_at, waited_seconds, outcome, seconds, answer, tokens)
VALUES ('passed', 2, 3, 1, 'm', 'w', 0, 1e9, 0.125, 'answered', 1.5, 'Sí', 7);
INSERT INTO dead_letters (origin_topic, origin_partition, origin_offset, cause, detail,
    first_seen_at, dead_at, attempts, key, value)
VALUES ('llm-requests', 3, 9, 'rejected', 'no JSON', 1e9, 2e9, 0, NULL, '\\x00ff');
"""
#: Table -> the order of its rows.
TABLES = {"questions": "question_id", "attempts": "question_id", "dead_letters": "origin_offset"}


async def rows(dsn: str) -> dict[str, list[dict[str, object]]]:
    """Return every row of every table, column by column."""
    connection = await asyncpg.connect(dsn)
    try:
        found = {}
        for table, order in TABLES.items():
            query = f"SELECT to_json(t)::text AS row FROM {table} AS t ORDER BY {order}"
            found[table] = [json.loads(each["row"]) for each in await connection.fetch(query)]
        return found
    finally:
        await connection.close()


@pytest.mark.parametrize("version", range(1, len(load())), ids=[m.name for m in load()[:-1]])
async def test_rows_of_an_earlier_version_are_kept_and_read(
    version: int, empty_postgres_dsn: str, tmp_path: Path
) -> None:
    for each in load()[:version]:
        (tmp_path / f"{each.name}.sql").write_text(each.sql, encoding="utf-8")
    await migrate(empty_postgres_dsn, tmp_path)
    connection = await asyncpg.connect(empty_postgres_dsn)
    await connection.execute(ROWS)
    await connection.close()
    before = await rows(empty_postgres_dsn)

    assert len(await migrate(empty_postgres_dsn)) == len(load()) - version

    after = await rows(empty_postgres_dsn)
    for table in TABLES:
        assert len(after[table]) == len(before[table])
        for old, new in zip(before[table], after[table], strict=True):
            assert new | old == new, f"{table}: a value of the earlier version was changed"
    store = PostgresStore(empty_postgres_dsn)
    try:
        waits, passed = await store.question("waits"), await store.question("passed")
        assert waits is not None
        assert passed is not None
        assert (waits.status, waits.question_text) == (Status.WAITING, "¿Cuántos?")
        assert list(waits.metadata) == ["b", "a"]
        assert (passed.status, passed.answer) == (Status.VALIDATED, "Sí")
        assert [each.answer for each in passed.attempts] == ["Sí"]
        [letter] = await store.dead_letters()
        assert (letter.cause, letter.value) == ("rejected", b"\x00\xff")
    finally:
        await store.close()
