"""Rows of the ledger, as claims and outcomes read them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.adapters.store.postgres.rows import columns
from app.adapters.store.text import clean_text
from app.core.questions import CallKey

_READ = """
SELECT call.*
FROM unnest($1::text[], $2::int[], $3::int[], $4::int[])
    AS wanted (question_id, round, generation, attempt)
JOIN attempts AS call USING (question_id, round, generation, attempt)
"""


def clean_key(call: CallKey) -> CallKey:
    """Return the key under which a call is stored."""
    return call._replace(question_id=clean_text(call.question_id))


def key_of(row: Any) -> CallKey:
    """Return the key of a row of the ledger."""
    return CallKey(row["question_id"], row["round"], row["generation"], row["attempt"])


async def read_calls(connection: Any, keys: Sequence[CallKey]) -> dict[CallKey, Any]:
    """Return the rows of calls, those that are there."""
    if not keys:
        return {}
    rows = await connection.fetch(_READ, *columns(keys, 4))
    return {key_of(row): row for row in rows}
