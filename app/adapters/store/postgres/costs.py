"""What model calls cost, added up by PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.adapters.store.text import clean_text
from app.core.costs import Costs

# `cost_of` in app/core/costs.py; the contract suite compares the two.
_FIGURES = """
    model,
    sum(claims)::bigint AS calls,
    count(*) FILTER (WHERE outcome = 'answered') AS answered,
    count(*) FILTER (WHERE outcome = 'failed') AS failed,
    sum(greatest(claims - 1, 0))::bigint AS repeated,
    coalesce(sum(prompt_tokens), 0)::bigint AS prompt_tokens,
    coalesce(sum(tokens), 0)::bigint AS tokens,
    count(*) FILTER (WHERE outcome = 'answered' AND tokens IS NULL) AS untold,
    coalesce(sum(seconds), 0) AS seconds
"""
_ALL = f"SELECT {_FIGURES} FROM attempts WHERE claims > 0 GROUP BY model"  # noqa: S608 (constants)
_SOME = f"""
SELECT {_FIGURES} FROM attempts
WHERE claims > 0 AND question_id = ANY($1::text[]) GROUP BY model
"""  # noqa: S608 (constants)


async def read_costs(connection: Any, question_ids: Sequence[str] | None) -> dict[str, Costs]:
    """Return what the calls of questions cost, or of all, by model."""
    if question_ids is None:
        rows = await connection.fetch(_ALL)
    else:
        rows = await connection.fetch(_SOME, [clean_text(each) for each in question_ids])
    return {row["model"]: Costs(*list(row.values())[1:]) for row in rows}
