"""How the pipeline's statements reach their rows when tables are large: by an index."""

from __future__ import annotations

import asyncpg
import pytest

from app.adapters.store.postgres import claims, outcomes, questions

pytestmark = pytest.mark.postgres

ROWS = 20_000
#: A prepared statement is planned once for all parameters after its fifth use.
_FILL = (
    "INSERT INTO questions (question_id, status, round, generation, attempt, question_text,"
    f" model, metadata, accepted_at) SELECT 'q' || n, 'asking', 0, 0, 0, '¿Qué?', 'm', '{{}}', n"
    f" FROM generate_series(1, {ROWS}) AS n",
    "INSERT INTO attempts (question_id, round, generation, attempt, model, owner, lease_until,"
    " started_at, waited_seconds) SELECT 'q' || n, 0, 0, 0, 'm', '', 0, n, 0"
    f" FROM generate_series(1, {ROWS}) AS n",
    "ANALYZE",
    "SET plan_cache_mode = force_generic_plan",
)
STATEMENTS = {
    "claim": (claims._CLAIM, 13),
    "answer": (outcomes._ANSWER, 10),
    "failure": (outcomes._FAILURE, 11),
    "verdict": (outcomes._VERDICT, 14),
    "acceptance": (questions._PUT_AND_TELL, 25),
    "end": (questions._PUT, 24),
    "wait": (questions._MOVE, 8),
}


async def test_no_statement_of_a_question_reads_a_table_from_end_to_end(postgres_dsn: str) -> None:
    connection = await asyncpg.connect(postgres_dsn)
    try:
        for statement in _FILL:
            await connection.execute(statement)
        for name, (sql, parameters) in STATEMENTS.items():
            await connection.execute(f"PREPARE of_{name} AS {sql}")
            nulls = ", ".join(["NULL"] * parameters)
            rows = await connection.fetch(f"EXPLAIN EXECUTE of_{name}({nulls})")
            plan = "\n".join(row[0] for row in rows)
            assert "Seq Scan" not in plan, f"{name}:\n{plan}"
            assert "Index" in plan or name == "end", f"{name}:\n{plan}"
    finally:
        await connection.close()
