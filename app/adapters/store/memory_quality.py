"""What answers were worth, in memory: a part of `MemoryStore`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from math import inf
from typing import Any

from app.core.gate import Metric, Score
from app.core.guards import guard_of
from app.core.lifecycle import Status
from app.core.questions import CallKey, StoredQuestion
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

_VERDICTS = (Status.VALIDATED, Status.LOW_QUALITY)


class MemoryQuality:
    """Implements `QualityStore` on the questions and calls of the store."""

    _questions: dict[str, StoredQuestion]
    _calls: Any

    async def quality(self, query: QualityQuery) -> Quality:
        since = -inf if query.since is None else query.since
        rows = [row for row in self._questions.values() if row.accepted_at >= since]
        rows.sort(key=lambda row: (row.accepted_at, row.question_id), reverse=True)
        complete = len(rows) <= query.look_at
        rows = rows[: query.look_at]
        judged = [row for row in rows if row.status in _VERDICTS]
        columns = [[0, 0] for _ in range(COLUMNS)]
        for row in judged:
            if (score := _score(row.score, query.metric)) is not None:
                place = min(COLUMNS - 1, max(0, int(score * COLUMNS)))
                columns[place][row.status is Status.LOW_QUALITY] += 1
        pairs = [_pair(row, query.metric) for row in judged if row.score is not None]
        every = max(1, -(-len(judged) // query.sample))
        outcomes = (_outcome(row.status, row.score, query.metric) for row in judged)
        return Quality(
            questions=len(rows),
            oldest_at=rows[-1].accepted_at if rows else None,
            complete=complete,
            counts=dict(Counter(row.status for row in rows)),
            judged=sum(outcomes, Outcome()),
            columns=tuple((passed, failed) for passed, failed in columns),
            judgements=_judgements(judged),
            generations=self._generations(rows, query.metric),
            rejections=self._rejections(rows, query.metric),
            sample=tuple(_text(row, query.metric) for row in judged[::-1][every - 1 :: every]),
            best=_first(pairs, query, lambda pair: -pair.score),
            worst=_first(pairs, query, lambda pair: pair.score),
            nearest=_first(pairs, query, lambda pair: abs(pair.score - query.threshold)),
        )

    def _verdicts(self, rows: Iterable[StoredQuestion]) -> list[tuple[CallKey, Any]]:
        ids = {row.question_id for row in rows}
        return [
            (key, call.verdict)
            for key, call in self._calls.items()
            if key.question_id in ids and call.verdict and call.verdict.status in _VERDICTS
        ]

    def _generations(self, rows: Iterable[StoredQuestion], metric: Metric) -> dict[int, Outcome]:
        found: dict[int, Outcome] = {}
        for key, verdict in self._verdicts(rows):
            outcome = _outcome(verdict.status, verdict.score, metric)
            found[key.generation] = found.get(key.generation, Outcome()) + outcome
        return dict(sorted(found.items()))

    def _rejections(self, rows: Iterable[StoredQuestion], metric: Metric) -> tuple[Rejection, ...]:
        found: dict[str | None, list[tuple[str, float | None]]] = {}
        for key, verdict in self._verdicts(rows):
            if verdict.status is Status.LOW_QUALITY:
                answers = found.setdefault(guard_of(verdict.why or ""), [])
                answers.append((key.question_id, _score(verdict.score, metric)))
        order = sorted(found.items(), key=lambda each: (-len(each[1]), each[0] or "\uffff"))
        return tuple(self._rejection(guard, answers) for guard, answers in order)

    def _rejection(self, guard: str | None, answers: list[tuple[str, float | None]]) -> Rejection:
        ids = {question_id for question_id, _ in answers}
        ends = Counter(self._questions[each].status for each in ids)
        scores = [score for _, score in answers if score is not None]
        return Rejection(
            guard,
            len(answers),
            len(ids),
            Outcome(ends[Status.VALIDATED], ends[Status.LOW_QUALITY]),
            sum(scores) / len(scores) if scores else None,
        )


def _judgements(judged: Iterable[StoredQuestion]) -> tuple[Judgement, ...]:
    found = Counter(
        (row.metric, row.threshold, row.scorer) for row in judged if row.score is not None
    )
    order = sorted(found.items(), key=lambda each: (-each[1], each[0][2] or "", each[0][1] or 0))
    return tuple(Judgement(*basis, count) for basis, count in order[:20])


def _outcome(status: Status, score: Score | None, metric: Metric) -> Outcome:
    passed, value = status is Status.VALIDATED, _score(score, metric)
    return Outcome(int(passed), int(not passed), int(value is not None), value or 0.0)


def _score(score: Score | None, metric: Metric) -> float | None:
    return None if score is None else float(getattr(score, str(metric)))


def _text(row: StoredQuestion, metric: Metric) -> SampledText:
    reference = (row.original_answer or "")[:TELLING]
    passed = row.status is Status.VALIDATED
    return SampledText(row.question_text[:TELLING], reference, passed, _score(row.score, metric))


def _pair(row: StoredQuestion, metric: Metric) -> JudgedPair:
    return JudgedPair(
        row.question_id,
        row.status,
        row.question_text[:CUT],
        (row.original_answer or "")[:CUT],
        (row.answer or "")[:CUT],
        _score(row.score, metric) or 0.0,
        row.threshold,
        row.turn.generation,
        None if row.why is None else row.why[:CUT],
    )


def _first(
    pairs: list[JudgedPair], query: QualityQuery, place: Callable[[JudgedPair], float]
) -> tuple[JudgedPair, ...]:
    """Return the first pairs by their place; of equal ones the newest, as they come."""
    return tuple(sorted(pairs, key=place)[: query.pairs])
