"""What an older version stored is read after every migration, and tells what was known then."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from app.adapters.store.postgres.migrate import load, migrate
from app.adapters.store.postgres.store import PostgresStore
from app.core.gate import Score
from app.core.lifecycle import Status
from app.core.questions import CallKey, StoredQuestion
from app.ports import StoredVerdict

pytestmark = pytest.mark.postgres

#: The last migration before scores told what they were judged by.
OLD = 5
QUESTIONS = """
INSERT INTO questions (question_id, status, round, generation, attempt, question_text, model,
    metadata, accepted_at, finished_at, original_answer, answer, score_precision, score_recall,
    score_f1, threshold, scorer, cause)
VALUES
    ('passed', 'validated', 0, 1, 2, '¿Por qué?', 'm', '{"b": 1, "a": 2}', 1e9, 2e9, 'Sí', 'Sí',
        0.7, 0.8, 0.75, 0.525, 'minilm-l6:6', NULL),
    ('weak', 'low_quality', 1, 1, 1, 'Why?', 'm', '{}', 1e9, 2e9, 'So.', 'No.',
        0.1, 0.2, 0.15, 0.525, 'minilm-l6:6', NULL),
    ('free', 'unscored', 0, 1, 1, 'Why?', 'm', '{}', 1e9, 2e9, NULL, 'So.',
        NULL, NULL, NULL, NULL, NULL, NULL),
    ('dead', 'dead', 0, 1, 3, 'Why?', 'm', '{}', 1e9, 2e9, NULL, NULL,
        NULL, NULL, NULL, NULL, NULL, 'unauthorized'),
    ('lost', 'validated', 0, 1, 1, 'Why?', 'm', '{}', 1e9, 2e9, 'So.', 'So.',
        1, 1, 1, 0.75, 'x', NULL),
    ('open', 'judging', 0, 1, 1, 'Why?', 'm', '{}', 1e9, NULL, 'So.', NULL,
        NULL, NULL, NULL, NULL, NULL, NULL)
"""
ATTEMPTS = """
INSERT INTO attempts (question_id, round, generation, attempt, model, owner, lease_until,
    started_at, waited_seconds, outcome, seconds, answer, verdict, why, score_precision,
    score_recall, score_f1, threshold, metric, scorer)
VALUES
    ('passed', 0, 1, 2, 'm', 'w', 0, 1e9, 0, 'answered', 1, 'Sí', 'validated',
        'recall 0.800 >= 0.525', 0.7, 0.8, 0.75, 0.525, 'recall', 'minilm-l6:6'),
    ('weak', 0, 1, 1, 'm', 'w', 0, 1e9, 0, 'answered', 1, 'Of another round', 'validated',
        'recall 0.999 >= 0.525', 0.9, 0.999, 0.9, 0.525, 'recall', 'minilm-l6:6'),
    ('weak', 1, 1, 1, 'm', 'w', 0, 1e9, 0, 'answered', 1, 'No.', 'low_quality',
        'recall 0.200 < 0.525', 0.1, 0.2, 0.15, 0.525, 'recall', 'minilm-l6:6'),
    ('free', 0, 1, 1, 'm', 'w', 0, 1e9, 0, 'answered', 1, 'So.', 'unscored',
        'no reference answer was given', NULL, NULL, NULL, NULL, NULL, NULL),
    ('open', 0, 1, 1, 'm', 'w', 0, 1e9, 0, 'answered', 1, 'So.', NULL,
        NULL, NULL, NULL, NULL, NULL, NULL, NULL)
"""
LETTERS = """
INSERT INTO dead_letters (origin_topic, origin_partition, origin_offset, cause, detail,
    first_seen_at, dead_at, attempts, question_id, round, generation, attempt)
VALUES ('llm-responses-error', 0, 7, 'unauthorized', 'HTTP 401: no such key', 1e9, 2e9, 3,
    'dead', 0, 1, 3)
"""


@pytest.fixture
async def store(empty_postgres_dsn: str, tmp_path: Path) -> AsyncIterator[PostgresStore]:
    """A store whose rows are older than scores that explain themselves."""
    for each in load()[:OLD]:
        (tmp_path / f"{each.name}.sql").write_text(each.sql, encoding="utf-8")
    await migrate(empty_postgres_dsn, tmp_path)
    connection = await asyncpg.connect(empty_postgres_dsn)
    for rows in (QUESTIONS, ATTEMPTS, LETTERS):
        await connection.execute(rows)
    await connection.close()
    assert len(await migrate(empty_postgres_dsn)) == len(load()) - OLD
    store = PostgresStore(empty_postgres_dsn)
    yield store
    await store.close()


async def old(store: PostgresStore, question_id: str) -> StoredQuestion:
    found = await store.question(question_id)
    assert found is not None
    return found


async def test_old_questions_tell_what_was_known_of_their_verdict(store: PostgresStore) -> None:
    passed, weak = await old(store, "passed"), await old(store, "weak")
    assert (passed.status, passed.answer, passed.score) == (
        (Status.VALIDATED, "Sí", Score(0.7, 0.8, 0.75))
    )
    assert (passed.metric, passed.threshold, passed.why) == (
        "recall",
        0.525,
        "recall 0.800 >= 0.525",
    )
    assert (passed.scorer, passed.library, passed.gate) == ("minilm-l6:6", None, None)
    assert (weak.why, weak.metric) == ("recall 0.200 < 0.525", "recall")
    assert (await old(store, "free")).why == "no reference answer was given"
    assert (await old(store, "dead")).why == "HTTP 401: no such key"
    lost = await old(store, "lost")
    assert (lost.metric, lost.why, lost.threshold) == (None, None, 0.75)
    waiting = await old(store, "open")
    assert (waiting.why, waiting.metric) == (None, None)


async def test_old_rows_have_no_trace_context(store: PostgresStore) -> None:
    assert (await old(store, "dead")).trace_context is None
    assert [letter.trace_context for letter in await store.dead_letters()] == [None]


async def test_old_attempts_have_their_verdicts(store: PostgresStore) -> None:
    [attempt] = (await old(store, "passed")).attempts
    assert (attempt.verdict, attempt.why) == (Status.VALIDATED, "recall 0.800 >= 0.525")
    assert (attempt.metric, attempt.threshold, attempt.scorer) == ("recall", 0.525, "minilm-l6:6")
    assert (attempt.library, attempt.gate) == (None, None)
    verdict = await store.verdict(CallKey("free", 0, 1, 1))
    assert verdict == StoredVerdict(
        Status.UNSCORED, None, None, None, None, "no reference answer was given"
    )


async def test_old_questions_are_shown_and_go_on(store: PostgresStore) -> None:
    page = await store.questions()
    assert {q.question_id for q in page.questions} == (
        {"passed", "weak", "free", "dead", "lost", "open"}
    )
    row = (await old(store, "passed")).as_json()
    assert (row["rescaled"], row["gate"], row["attempts"][0]["verdict"]) == (False, None, "pass")
    assert list(row["metadata"]) == ["b", "a"]
    verdict = StoredVerdict(
        Status.VALIDATED, Score(1.0, 1.0, 1.0), 0.5, "f1", "s", "why", "library", "settings"
    )
    assert await store.record_verdict(CallKey("open", 0, 1, 1), verdict) == verdict
