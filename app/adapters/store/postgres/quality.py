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
# One scan for all that is counted by question. Columns of a scorer and its gate are few.
_SCORES = """
SELECT status, width_bucket(score_{metric}, 0, 1, {columns}) AS place, metric, threshold, scorer,
    count(*), coalesce(sum(score_{metric}), 0) AS sum, min(accepted_at) AS oldest
FROM questions WHERE {range} GROUP BY 1, 2, 3, 4, 5
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
# Texts are read of the chosen ones alone: those of all would be sorted with them.
_SAMPLE = """
SELECT left(question_text, {telling}), left(coalesce(original_answer, ''), {telling}),
    status = 'validated', score_{metric}
FROM questions JOIN (
    SELECT question_id, row_number() OVER (ORDER BY accepted_at, question_id) AS n
    FROM questions WHERE {judged}) AS numbered USING (question_id)
WHERE n % $3 = 0 ORDER BY n LIMIT $4
"""
# Three scans: one whose rows are kept for all lists would go through a file.
_PAIRS = """
WITH judged AS NOT MATERIALIZED (
    SELECT question_id, accepted_at, score_{metric} AS score
    FROM questions WHERE {judged} AND score_{metric} IS NOT NULL),
chosen AS (
    (SELECT 'best' AS list, score AS place, * FROM judged
        ORDER BY score DESC, accepted_at DESC, question_id DESC LIMIT $3)
    UNION ALL (SELECT 'worst', -score, * FROM judged
        ORDER BY score, accepted_at DESC, question_id DESC LIMIT $3)
    UNION ALL (SELECT 'nearest', -abs(score - $4), * FROM judged
        ORDER BY abs(score - $4), accepted_at DESC, question_id DESC LIMIT $3))
SELECT list, question_id, status, left(question_text, {cut}),
    left(coalesce(original_answer, ''), {cut}), left(coalesce(answer, ''), {cut}),
    score, threshold, generation, left(why, {cut})
FROM chosen JOIN questions USING (question_id)
ORDER BY place DESC, chosen.accepted_at DESC, question_id DESC
"""
#: Gates that are told of, the most frequent ones.
_MOST_JUDGEMENTS = 20


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
        scores = _Scores(await self._fetch(_SCORES))
        judged = scores.judged.passed + scores.judged.failed
        every = max(1, -(-judged // query.sample))
        pairs = await self._pairs()
        return Quality(
            questions=scores.counts.total(),
            oldest_at=scores.oldest_at,
            complete=len(ends) < 2,
            counts=dict(scores.counts),
            judged=scores.judged,
            columns=tuple((passed, failed) for passed, failed in scores.columns),
            judgements=scores.judgements(),
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
            best=tuple(pairs["best"]),
            worst=tuple(pairs["worst"]),
            nearest=tuple(pairs["nearest"]),
        )

    async def _pairs(self) -> dict[str, list[JudgedPair]]:
        found: dict[str, list[JudgedPair]] = {"best": [], "worst": [], "nearest": []}
        for name, question_id, status, *rest in await self._fetch(
            _PAIRS, self._query.pairs, self._query.threshold
        ):
            found[name].append(JudgedPair(question_id, Status(status), *rest))
        return found

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


class _Scores:
    """Adds up what `_SCORES` counted."""

    def __init__(self, rows: list[Any]) -> None:
        self.counts: Counter[Status] = Counter()
        self.judged = Outcome()
        self.columns = [[0, 0] for _ in range(COLUMNS)]
        self.oldest_at: float | None = min((row["oldest"] for row in rows), default=None)
        self._bases: Counter[tuple[Any, Any, Any]] = Counter()
        for status, place, metric, threshold, scorer, count, total, _ in rows:
            self.counts[Status(status)] += count
            if status not in ("validated", "low_quality"):
                continue
            failed = status == "low_quality"
            scored = 0 if place is None else count
            self.judged += Outcome(0 if failed else count, count if failed else 0, scored, total)
            if place is not None:
                self.columns[min(COLUMNS, max(1, place)) - 1][failed] += count
                self._bases[metric, threshold, scorer] += count

    def judgements(self) -> tuple[Judgement, ...]:
        return tuple(
            Judgement(*basis, count) for basis, count in self._bases.most_common(_MOST_JUDGEMENTS)
        )
