"""`persist`: stores ends and dead letters, fills the cache, then says what is settled."""

from __future__ import annotations

from collections.abc import Sequence

import faust
import msgspec

from agents.arrivals import read_chunks
from agents.context import Context
from agents.waits import Outgoing, publish, until_up
from app.core.lifecycle import ANSWERED, Status
from app.core.questions import StoredQuestion
from app.errors import CacheUnavailable
from app.ports import DeadLetterRow, Ending
from app.topology import received
from app.tracing import Carrier, carrier_of
from app.wire import Chunk
from models.questions import DeadLetter, Question, QuestionSettled, ScoredAnswer

STAGE = "persist"


async def handle(context: Context, chunk: Chunk) -> None:
    """Store the whole chunk in one transaction, then tell."""
    endings: dict[str, Ending] = {}
    letters: list[DeadLetterRow] = []
    for arrival in chunk:
        match arrival.value:
            case ScoredAnswer(final=True) as scored:
                _add(endings, _scored_ending(scored))
            case DeadLetter() as letter:
                letters.append(_letter_row(letter, carrier_of(arrival.headers)))
                if letter.question is not None:
                    _add(endings, _dead_ending(letter, letter.question))
    store = context.ports.store
    if endings or letters:
        await until_up(context, "database", lambda: store.finish(list(endings.values()), letters))
    if not endings:
        return
    stored = await until_up(context, "database", lambda: store.questions_by_id(list(endings)))
    await _keep(context, stored)
    await publish(context, [_settled(context, ending) for ending in endings.values()])
    known = {question.question_id: question for question in stored}
    for ending in endings.values():
        if _came_to_nothing(ending, known.get(ending.question_id)):
            continue
        context.metrics.count("questions_settled", str(ending.status))
        _observe_end(context, ending)
        context.flood.ended(ending, known.get(ending.question_id), context.now())
    for question in stored:
        if question.status.final:
            context.watch.tell(question)


def _came_to_nothing(ending: Ending, stored: StoredQuestion | None) -> bool:
    """Tell whether a question has ended otherwise: an end never changes within a round."""
    return stored is not None and (stored.turn.round, stored.status) != (
        ending.turn.round,
        ending.status,
    )


def _observe_end(context: Context, ending: Ending) -> None:
    status, question_id = str(ending.status), ending.question_id
    lived = context.now() - ending.accepted_at
    trace_id = context.tracing.trace_id(question_id)
    context.metrics.observe("question_seconds", lived, status, trace_id=trace_id)
    context.tracing.note(
        question_id,
        {"answerloop.status": status, "answerloop.seconds": lived},
        error=(ending.cause or status) if ending.status is Status.DEAD else None,
    )


def _add(endings: dict[str, Ending], ending: Ending) -> None:
    """Keep the first end of the latest round: an end never changes within a round."""
    known = endings.get(ending.question_id)
    if known is None or ending.turn.round > known.turn.round:
        endings[ending.question_id] = ending


async def _keep(context: Context, stored: Sequence[StoredQuestion]) -> None:
    """Put the answered ones into the cache. A cache that is gone costs nothing but the hits."""
    entries = {
        question.question_id: msgspec.json.encode(question.as_json())
        for question in stored
        if question.status in ANSWERED
    }
    if not entries:
        return
    try:
        await context.ports.cache.put(entries)
    except CacheUnavailable:
        context.metrics.count("cache_errors")


def _scored_ending(scored: ScoredAnswer) -> Ending:
    return Ending(
        question_id=scored.question_id,
        turn=scored.turn,
        status=Status(scored.status),
        question_text=scored.question_text,
        original_answer=scored.original_answer,
        model=scored.model,
        accepted_at=scored.accepted_at,
        finished_at=scored.finished_at,
        answer=scored.answer,
        score=scored.score,
        threshold=scored.threshold,
        metric=scored.metric,
        gate=scored.gate,
        scorer=scored.scorer,
        library=scored.library,
        cause=scored.cause,
        why=scored.why,
        metadata=scored.metadata,
    )


def _dead_ending(letter: DeadLetter, question: Question) -> Ending:
    best = question.best
    return Ending(
        question_id=question.question_id,
        turn=question.turn,
        status=Status.DEAD,
        question_text=question.question_text,
        original_answer=question.original_answer,
        model=question.model,
        accepted_at=question.accepted_at,
        finished_at=letter.dead_at,
        answer=best.answer if best else None,
        score=best.score if best else None,
        threshold=best.threshold if best else None,
        metric=best.metric if best else None,
        gate=best.gate if best else None,
        scorer=best.scorer if best else None,
        library=best.library if best else None,
        cause=letter.cause,
        why=letter.detail,
        metadata=question.metadata,
    )


def _letter_row(letter: DeadLetter, trace: Carrier | None) -> DeadLetterRow:
    question = letter.question
    return DeadLetterRow(
        origin_topic=letter.origin_topic,
        origin_partition=letter.origin_partition,
        origin_offset=letter.origin_offset,
        cause=letter.cause,
        detail=letter.detail,
        first_seen_at=letter.first_seen_at,
        dead_at=letter.dead_at,
        attempts=letter.attempts,
        question_id=question.question_id if question else None,
        turn=question.turn if question else None,
        key=letter.key,
        value=letter.value,
        trace_context=trace.text if trace else None,
    )


def _settled(context: Context, ending: Ending) -> Outgoing:
    record = QuestionSettled(
        question_id=ending.question_id,
        round=ending.turn.round,
        status=str(ending.status),
        settled_at=context.now(),
    )
    return Outgoing(context.names.questions_settled, ending.question_id, record)


def register(context: Context) -> None:
    """Declare the agent on the three topics where questions end."""
    topic = context.app.topic(*received(STAGE, context.names), schema=context.schema)

    @context.app.agent(topic, name=STAGE)
    async def persist_agent(stream: faust.Stream) -> None:
        """Ends in; stored rows, cache entries and `questions-settled` out."""
        await read_chunks(context, STAGE, stream, handle)
