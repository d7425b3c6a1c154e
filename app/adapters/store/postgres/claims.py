"""Claims of model calls in PostgreSQL.

What has several statements runs inside one transaction on one connection. Rows are locked in the
order of their keys, ledger before questions, so that workers wait for each other but never in a
circle.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app.adapters.store.postgres.calls import clean_key, read_calls
from app.adapters.store.postgres.questions import and_move
from app.adapters.store.postgres.rows import columns
from app.adapters.store.text import clean_optional, clean_text
from app.core.lifecycle import Status
from app.core.questions import CallKey
from app.ports import Busy, CallAnswer, CallFailure, Claim, Claimed, ClaimRequest, Over

#: A call and who holds it.
Holding = tuple[CallKey, str]
#: A claim that is given up: the call, its holder, and whether the call had begun.
Release = tuple[CallKey, str, bool]

_LOCK = """
SELECT FROM attempts
JOIN unnest($1::text[], $2::int[], $3::int[], $4::int[])
    AS wanted (question_id, round, generation, attempt)
    USING (question_id, round, generation, attempt)
ORDER BY question_id, round, generation, attempt
FOR UPDATE OF attempts
"""

_UNCLAIM = """
DELETE FROM attempts AS call
USING unnest($1::text[], $2::int[], $3::int[], $4::int[], $5::text[], $6::boolean[])
    AS held (question_id, round, generation, attempt, owner, made)
WHERE (call.question_id, call.round, call.generation, call.attempt, call.owner)
    = (held.question_id, held.round, held.generation, held.attempt, held.owner)
    AND call.outcome IS NULL AND NOT held.made AND call.claims <= 1
"""

# The call had begun, now or under another owner: its starts stay counted, and nobody holds it.
_FREE = """
UPDATE attempts AS call SET
    owner = '', lease_until = 0, claims = call.claims - CASE WHEN held.made THEN 0 ELSE 1 END
FROM unnest($1::text[], $2::int[], $3::int[], $4::int[], $5::text[], $6::boolean[])
    AS held (question_id, round, generation, attempt, owner, made)
WHERE (call.question_id, call.round, call.generation, call.attempt, call.owner)
    = (held.question_id, held.round, held.generation, held.attempt, held.owner)
    AND call.outcome IS NULL
"""

# A lease is measured by the clock of the database: workers' clocks differ.
_CLAIM = f"""
WITH wanted AS (
    SELECT * FROM unnest($1::text[], $2::int[], $3::int[], $4::int[],
        $5::text[], $6::text[], $7::float8[], $8::float8[], $9::float8[],
        $10::text[], $11::float8[], $12::bigint[], $13::float8[])
        AS request (question_id, round, generation, attempt, model, owner, lease_seconds,
            started_at, waited_seconds, strategy, temperature, seed, deadline_at)),
over AS (
    SELECT wanted.question_id, wanted.round, wanted.generation, wanted.attempt
    FROM questions JOIN wanted ON questions.question_id = wanted.question_id
    WHERE questions.round > wanted.round
        OR questions.round = wanted.round AND answerloop_final(questions.status)),
claimed AS (
    INSERT INTO attempts AS call (
        question_id, round, generation, attempt,
        model, owner, lease_until, started_at, waited_seconds, strategy, temperature, seed)
    SELECT question_id, round, generation, attempt, model, owner,
        extract(epoch FROM clock_timestamp()) + lease_seconds, started_at, waited_seconds,
        strategy, temperature, seed
    FROM wanted
    WHERE NOT EXISTS (
        SELECT FROM over WHERE (over.question_id, over.round, over.generation, over.attempt)
            = (wanted.question_id, wanted.round, wanted.generation, wanted.attempt))
    ORDER BY question_id, round, generation, attempt
    ON CONFLICT (question_id, round, generation, attempt) DO UPDATE SET
        model = excluded.model, owner = excluded.owner, lease_until = excluded.lease_until,
        started_at = excluded.started_at, waited_seconds = excluded.waited_seconds,
        strategy = excluded.strategy, temperature = excluded.temperature, seed = excluded.seed,
        claims = call.claims + 1
    WHERE call.outcome IS NULL AND call.lease_until <= extract(epoch FROM clock_timestamp())
    RETURNING question_id, round, generation, attempt),
won AS (
    SELECT claimed.*, wanted.deadline_at FROM claimed
    JOIN wanted USING (question_id, round, generation, attempt)),
{and_move("won", Status.ASKING, "deadline_at")}
SELECT true, question_id, round, generation, attempt FROM won
UNION ALL
SELECT false, question_id, round, generation, attempt FROM over
"""  # noqa: S608 - of constants

_END_LEASES = """
WITH ended AS (
    UPDATE attempts SET lease_until = 0 WHERE outcome IS NULL AND lease_until > 0
    RETURNING 1)
SELECT count(*) FROM ended
"""

# A row that somebody holds is renewed the next time: it must not cost the others their leases.
_RENEW = """
WITH mine AS (
    SELECT question_id, round, generation, attempt FROM attempts
    WHERE owner = $1 AND outcome IS NULL
    FOR UPDATE SKIP LOCKED),
renewed AS (
    UPDATE attempts SET lease_until = extract(epoch FROM clock_timestamp()) + $2::float8
    FROM mine
    WHERE attempts.question_id = mine.question_id AND attempts.round = mine.round
        AND attempts.generation = mine.generation AND attempts.attempt = mine.attempt
    RETURNING 1)
SELECT count(*) FROM renewed
"""


async def claim_calls(
    connection: Any, requests: Sequence[ClaimRequest], orphans: Mapping[Holding, bool]
) -> list[Claim]:
    """Claim calls in order: of several claims of one call, the first may get it.

    `orphans` are claims that the database may hold though nobody has them, and whether their call
    had begun: they are dropped first.
    Without them the claim is one statement, and what is read after it belongs to others, who may
    give it up in between.
    """
    first: dict[CallKey, ClaimRequest] = {}
    for request in requests:
        first.setdefault(clean_key(request.call), request)
    dropped = [(*held, made) for held, made in orphans.items() if held[0] in first]
    await unclaim_calls(connection, dropped)
    rows = await connection.fetch(
        _CLAIM,
        *columns(
            (
                (
                    *key,
                    clean_text(request.model),
                    clean_text(request.owner),
                    float(request.lease_seconds),
                    float(request.now),
                    float(request.waited_seconds),
                    clean_optional(request.strategy),
                    request.temperature,
                    request.seed,
                    None if request.deadline_at is None else float(request.deadline_at),
                )
                for key, request in first.items()
            ),
            13,
        ),
    )
    won = {CallKey(*key) for is_won, *key in rows if is_won}
    over = {CallKey(*key) for is_won, *key in rows if not is_won}
    found = await read_calls(connection, [key for key in first if key not in won])
    claims: list[Claim] = []
    for request in requests:
        key = clean_key(request.call)
        if key in over and (key not in found or found[key]["outcome"] is None):
            claims.append(Over())
        elif key not in won:
            # Given up by its owner since: asking again will do.
            claims.append(_claim_of(found[key]) if key in found else Busy(""))
        elif first[key] is request:
            claims.append(Claimed())
        else:
            claims.append(Busy(clean_text(first[key].owner)))
    return claims


async def renew_calls(
    connection: Any, owner: str, lease_seconds: float, orphans: Mapping[Holding, bool]
) -> int:
    """Extend an owner's unfinished claims, without the orphans: those are dropped."""
    await unclaim_calls(connection, [(*held, made) for held, made in orphans.items()])
    renewed: int = await connection.fetchval(_RENEW, clean_text(owner), float(lease_seconds))
    return renewed


async def end_leases(connection: Any) -> int:
    """Let every unfinished claim be taken over at once; their starts stay counted."""
    ended: int = await connection.fetchval(_END_LEASES)
    return ended


async def unclaim_calls(connection: Any, releases: Sequence[Release]) -> list[None]:
    """Give up unfinished claims of these holders; a call that had begun stays counted."""
    if releases:
        keys = [clean_key(key) for key, _, _ in releases]
        await connection.execute(_LOCK, *columns(keys, 4))
        owners = [clean_text(owner) for _, owner, _ in releases]
        held = (*columns(keys, 4), owners, [made for _, _, made in releases])
        await connection.execute(_UNCLAIM, *held)
        await connection.execute(_FREE, *held)
    return [None] * len(releases)


def _claim_of(row: Any) -> Claim:
    """Return what a claim finds in a row that was not its own to take."""
    match row["outcome"]:
        case "answered":
            return CallAnswer(
                row["answer"],
                row["seconds"],
                row["tokens"],
                row["finish_reason"],
                row["prompt_tokens"],
            )
        case "failed":
            return CallFailure(
                cause=row["cause"],
                detail=row["detail"],
                seconds=row["seconds"],
                failed_at=row["failed_at"],
                status=row["http_status"],
                retry_after_seconds=row["retry_after_seconds"],
            )
        case _:
            return Busy(row["owner"])
