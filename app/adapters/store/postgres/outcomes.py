"""What became of model calls in PostgreSQL: answers, failures, verdicts. The first one stays.

Every function is one statement. Rows are locked in the order of their keys, ledger before
questions, so that workers wait for each other but never in a circle.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from app.adapters.store.postgres.calls import clean_key, key_of, read_calls
from app.adapters.store.postgres.questions import and_move
from app.adapters.store.postgres.rows import columns, verdict_of, verdict_values
from app.adapters.store.text import clean_optional, clean_text
from app.core.lifecycle import Status
from app.core.questions import CallKey
from app.ports import CallAnswer, CallFailure, StoredVerdict

Recorded = TypeVar("Recorded", tuple[CallKey, str, CallAnswer], tuple[CallKey, str, CallFailure])

# A call that was never claimed here, or given up, is kept all the same: it was made, and paid.
_ANSWER = f"""
WITH kept AS (
INSERT INTO attempts AS call (
    question_id, round, generation, attempt, model, owner, lease_until, started_at, waited_seconds,
    outcome, answer, seconds, tokens, finish_reason, prompt_tokens)
SELECT question_id, round, generation, attempt,
    coalesce((SELECT model FROM questions WHERE questions.question_id = came.question_id), ''),
    owner, 0, extract(epoch FROM clock_timestamp()) - seconds, 0,
    'answered', answer, seconds, tokens, finish_reason, prompt_tokens
FROM unnest($1::text[], $2::int[], $3::int[], $4::int[],
    $5::text[], $6::text[], $7::float8[], $8::bigint[], $9::text[], $10::bigint[])
    AS came (question_id, round, generation, attempt,
        owner, answer, seconds, tokens, finish_reason, prompt_tokens)
ORDER BY question_id, round, generation, attempt
ON CONFLICT (question_id, round, generation, attempt) DO UPDATE SET
    owner = excluded.owner, outcome = excluded.outcome, answer = excluded.answer,
    seconds = excluded.seconds, tokens = excluded.tokens, finish_reason = excluded.finish_reason,
    prompt_tokens = excluded.prompt_tokens, claims = greatest(call.claims, 1)
WHERE call.outcome IS NULL
RETURNING question_id, round, generation, attempt),
{and_move("kept", Status.JUDGING)}
SELECT * FROM kept
"""  # noqa: S608 - of constants

# The failure of a caller who lost his claim does not end the call of the one who has it now.
_FAILURE = """
INSERT INTO attempts AS call (
    question_id, round, generation, attempt, model, owner, lease_until, started_at, waited_seconds,
    outcome, cause, detail, seconds, failed_at, http_status, retry_after_seconds)
SELECT question_id, round, generation, attempt,
    coalesce((SELECT model FROM questions WHERE questions.question_id = came.question_id), ''),
    owner, 0, failed_at - seconds, 0,
    'failed', cause, detail, seconds, failed_at, http_status, retry_after_seconds
FROM unnest($1::text[], $2::int[], $3::int[], $4::int[],
    $5::text[], $6::text[], $7::text[], $8::float8[], $9::float8[], $10::int[], $11::float8[])
    AS came (question_id, round, generation, attempt,
        owner, cause, detail, seconds, failed_at, http_status, retry_after_seconds)
ORDER BY question_id, round, generation, attempt
ON CONFLICT (question_id, round, generation, attempt) DO UPDATE SET
    owner = excluded.owner, outcome = excluded.outcome, cause = excluded.cause,
    detail = excluded.detail, seconds = excluded.seconds, failed_at = excluded.failed_at,
    http_status = excluded.http_status, retry_after_seconds = excluded.retry_after_seconds,
    claims = greatest(call.claims, 1)
WHERE call.outcome IS NULL AND (
    call.owner = excluded.owner OR call.lease_until <= extract(epoch FROM clock_timestamp()))
RETURNING question_id, round, generation, attempt
"""

_OF_A_VERDICT = (
    "verdict",
    "score_precision",
    "score_recall",
    "score_f1",
    "threshold",
    "metric",
    "scorer",
    "why",
    "library",
    "gate",
)
_FIRST = "CASE WHEN call.verdict IS NULL THEN excluded.{0} ELSE call.{0} END"

_VERDICT = f"""
INSERT INTO attempts AS call (
    question_id, round, generation, attempt, model, owner, lease_until, started_at, waited_seconds,
    claims, verdict, score_precision, score_recall, score_f1, threshold, metric, scorer, why,
    library, gate)
SELECT question_id, round, generation, attempt,
    coalesce((SELECT model FROM questions WHERE questions.question_id = came.question_id), ''),
    '', 0, extract(epoch FROM clock_timestamp()), 0,
    0, verdict, score_precision, score_recall, score_f1, threshold, metric, scorer, why,
    library, gate
FROM unnest($1::text[], $2::int[], $3::int[], $4::int[], $5::text[], $6::float8[],
    $7::float8[], $8::float8[], $9::float8[], $10::text[], $11::text[], $12::text[],
    $13::text[], $14::text[])
    AS came (question_id, round, generation, attempt, verdict, score_precision,
        score_recall, score_f1, threshold, metric, scorer, why, library, gate)
ORDER BY question_id, round, generation, attempt
ON CONFLICT (question_id, round, generation, attempt) DO UPDATE SET
    {", ".join(f"{each} = {_FIRST.format(each)}" for each in _OF_A_VERDICT)}
RETURNING call.*
"""  # noqa: S608 - of constants


async def record_answers(
    connection: Any, answers: Sequence[tuple[CallKey, str, CallAnswer]]
) -> list[bool]:
    """Keep the first answer of each call that has no outcome yet; tell which were kept."""
    first = _first(answers)
    rows = await connection.fetch(
        _ANSWER,
        *columns(
            (
                (
                    *key,
                    clean_text(owner),
                    clean_text(answer.text),
                    float(answer.seconds),
                    answer.tokens,
                    clean_optional(answer.finish_reason),
                    answer.prompt_tokens,
                )
                for key, (_, owner, answer) in first.items()
            ),
            10,
        ),
    )
    kept = {CallKey(*row) for row in rows}
    return [first[key := clean_key(item[0])] is item and key in kept for item in answers]


async def record_failures(
    connection: Any, failures: Sequence[tuple[CallKey, str, CallFailure]]
) -> list[bool]:
    """Keep the first failure of each call that has no outcome yet; tell which were kept."""
    first = _first(failures)
    rows = await connection.fetch(
        _FAILURE,
        *columns(
            (
                (
                    *key,
                    clean_text(owner),
                    clean_text(failure.cause),
                    clean_text(failure.detail),
                    float(failure.seconds),
                    float(failure.failed_at),
                    failure.status,
                    failure.retry_after_seconds,
                )
                for key, (_, owner, failure) in first.items()
            ),
            11,
        ),
    )
    kept = {CallKey(*row) for row in rows}
    return [first[key := clean_key(item[0])] is item and key in kept for item in failures]


async def read_verdicts(connection: Any, calls: Sequence[CallKey]) -> list[StoredVerdict | None]:
    """Return the verdicts of calls, in order."""
    keys = [clean_key(call) for call in calls]
    found = await read_calls(connection, list(dict.fromkeys(keys)))
    return [verdict_of(found[key]) if key in found else None for key in keys]


async def record_verdicts(
    connection: Any, verdicts: Sequence[tuple[CallKey, StoredVerdict]]
) -> list[StoredVerdict]:
    """Keep the first verdict of each call, and return those in force, in order."""
    first: dict[CallKey, StoredVerdict] = {}
    for call, verdict in verdicts:
        first.setdefault(clean_key(call), verdict)
    rows = await connection.fetch(
        _VERDICT,
        *columns(((*key, *verdict_values(verdict)) for key, verdict in first.items()), 14),
    )
    in_force = {key_of(row): verdict_of(row) for row in rows}
    return [in_force[clean_key(call)] or verdict for call, verdict in verdicts]


def _first(items: Sequence[Recorded]) -> dict[CallKey, Recorded]:
    """Return the first of the outcomes that came for each call."""
    first: dict[CallKey, Recorded] = {}
    for item in items:
        first.setdefault(clean_key(item[0]), item)
    return first
