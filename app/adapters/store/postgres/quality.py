"""What answers were worth, from PostgreSQL: aggregates over a bounded number of questions."""

from __future__ import annotations

from collections import Counter
from math import inf
from typing import Any

from app.adapters.store.postgres.pool import PostgresPool
from app.core.lifecycle import Status
from app.ports.quality import (
    COLUMNS,
    CUT,
    TELLING,
    JudgedPair,
    Judgement,
    Outcome,
    Quality,
    QualityQuery,
    Rejection,
    SampledText,
)

# The oldest question that is looked at, and the one before it, which is not.
_BOUND = """
SELECT accepted_at, question_id FROM questions WHERE accepted_at >= $1
ORDER BY accepted_at DESC, question_id DESC OFFSET $2 LIMIT 2
"""
_RANGE = "(accepted_at, question_id) >= ($1, $2::text)"
_JUDGED = f"{_RANGE} AND status IN ('validated', 'low_quality')"
_SCORES = """
SELECT status, width_bucket(score_{metric}, 0, 1, {columns}) AS place,
    count(*), coalesce(sum(score_{metric}), 0) AS sum, min(accepted_at) AS oldest
FROM questions WHERE {range} GROUP BY 1, 2
"""
_JUDGEMENTS = """
SELECT metric, threshold, scorer, count(*) FROM questions
WHERE {judged} AND score_f1 IS NOT NULL GROUP BY 1, 2, 3 ORDER BY 4 DESC, 3, 2 LIMIT 20
"""
_GENERATIONS = """
SELECT call.generation,
    count(*) FILTER (WHERE call.verdict = 'validated'),
    count(*) FILTER (WHERE call.verdict = 'low_quality'),
    count(call.score_{metric}), coalesce(sum(call.score_{metric}), 0)
FROM attempts AS call JOIN questions USING (question_id)
WHERE {range} AND call.verdict IN ('validated', 'low_quality')
GROUP BY 1 ORDER BY 1 LIMIT 100
"""
_REJECTIONS = r"""
SELECT substring(call.why from '^guard (\w+): ') AS guard, count(*), count(DISTINCT question_id),
    count(DISTINCT question_id) FILTER (WHERE status = 'validated'),
    count(DISTINCT question_id) FILTER (WHERE status = 'low_quality'),
    avg(call.score_{metric})
FROM attempts AS call JOIN questions USING (question_id)
WHERE {range} AND call.verdict = 'low_quality'
GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 20
"""
_SAMPLE = """
SELECT left(question_text, {telling}), left(coalesce(original_answer, ''), {telling}),
    status = 'validated', score
FROM (
    SELECT question_text, original_answer, status, score_{metric} AS score,
        row_number() OVER (ORDER BY accepted_at, question_id) AS n
    FROM questions WHERE {judged}) AS numbered
WHERE n % $3 = 0 LIMIT $4
"""
_PAIRS = """
SELECT question_id, status, left(question_text, {cut}), left(coalesce(original_answer, ''), {cut}),
    left(coalesce(answer, ''), {cut}), score_{metric}, threshold, generation, left(why, {cut})
FROM questions WHERE {judged} AND score_{metric} IS NOT NULL
ORDER BY {order}, accepted_at DESC, question_id DESC LIMIT $3
"""
_BEST, _WORST = "score_{metric} DESC", "score_{metric}"
_NEAREST = "abs(score_{metric} - $4)"


class PostgresQuality:
    """Implements `QualityStore` on the pool of the store."""

    _pool: PostgresPool

    async def quality(self, query: QualityQuery) -> Quality:
        async def work(connection: Any) -> Quality:
            return await _Reading(connection, query).read()

        return await self._pool.run(work)


class _Reading:
    def __init__(self, connection: Any, query: QualityQuery) -> None:
        self._connection, self._query = connection, query
        self._bound: tuple[float, str] = (-inf, "")

    async def read(self) -> Quality:
        query = self._query
        since = -inf if query.since is None else query.since
        ends = await self._connection.fetch(_BOUND, since, query.look_at - 1)
        self._bound = tuple(ends[0]) if len(ends) == 2 else (since, "")
        scores = await self._fetch(_SCORES)
        counts: Counter[Status] = Counter()
        columns, judged = [[0, 0] for _ in range(COLUMNS)], Outcome()
        for status, place, count, total, _ in scores:
            counts[Status(status)] += count
            if status not in ("validated", "low_quality"):
                continue
            failed = status == "low_quality"
            scored = 0 if place is None else count
            judged += Outcome(0 if failed else count, count if failed else 0, scored, total)
            if place is not None:
                columns[min(COLUMNS, max(1, place)) - 1][failed] += count
        every = max(1, -(-(judged.passed + judged.failed) // query.sample))
        return Quality(
            questions=counts.total(),
            oldest_at=min((row["oldest"] for row in scores), default=None),
            complete=len(ends) < 2,
            counts=dict(counts),
            judged=judged,
            columns=tuple((passed, failed) for passed, failed in columns),
            judgements=tuple(Judgement(*row) for row in await self._fetch(_JUDGEMENTS)),
            generations={
                generation: Outcome(*rest) for generation, *rest in await self._fetch(_GENERATIONS)
            },
            rejections=tuple(
                Rejection(guard, answers, questions, Outcome(passed, failed), mean)
                for guard, answers, questions, passed, failed, mean in await self._fetch(
                    _REJECTIONS
                )
            ),
            sample=tuple(
                SampledText(*row) for row in await self._fetch(_SAMPLE, every, query.sample)
            ),
            best=await self._pairs(_BEST),
            worst=await self._pairs(_WORST),
            nearest=await self._pairs(_NEAREST, query.threshold),
        )

    async def _pairs(self, order: str, *more: float) -> tuple[JudgedPair, ...]:
        rows = await self._fetch(_PAIRS.replace("{order}", order), self._query.pairs, *more)
        return tuple(
            JudgedPair(question_id, Status(status), *rest) for question_id, status, *rest in rows
        )

    async def _fetch(self, statement: str, *more: Any) -> list[Any]:
        """Run a statement on the range; `metric` is a word of `Metric`, never a user's text."""
        text = statement.format(
            metric=str(self._query.metric),
            range=_RANGE,
            judged=_JUDGED,
            columns=COLUMNS,
            telling=TELLING,
            cut=CUT,
        )
        found: list[Any] = await self._connection.fetch(text, *self._bound, *more)
        return found
