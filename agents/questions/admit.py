"""`admit`: takes questions in, drops repeats, stores them, writes the calls to be made."""

from __future__ import annotations

from functools import partial

import faust

from agents.arrivals import read_chunks
from agents.context import Context
from agents.endings import best_as_final, dead_letter, deadline_letter, past_deadline
from agents.waits import Outgoing, publish, until_up
from app.core.admission import Admission, Seen, admit
from app.ports import Accepted
from app.topology import received
from app.wire import Arrival, Chunk
from models.questions import LlmRequest, Question, QuestionSettled
from tables.generations import Generations

STAGE = "admit"


async def handle(table: Generations, context: Context, chunk: Chunk) -> None:
    """Decide on all, store all, send all, then change the table."""
    partition = chunk[0].partition
    arriving, repeats = _not_repeated(table, chunk)
    fresh = [a.value for a in arriving.values()]
    ended = await until_up(
        context,
        "database",
        lambda: context.ports.store.accept([_accepted(context, q) for q in fresh]),
    )
    outgoing = [
        _next_message(context, arrival)
        for question_id, arrival in arriving.items()
        if question_id not in ended
    ]
    await publish(context, outgoing)
    context.metrics.count("repeats_dropped", by=repeats + len(ended))
    for question in fresh:
        if question.question_id in ended:
            continue  # nothing will settle it again, so the entry would stay for ever
        table.admit(question.question_id, Seen(question.round, question.generation), partition)
    for arrival in chunk:
        if isinstance(arrival.value, QuestionSettled):
            settled = arrival.value
            table.settle(settled.question_id, settled.round, settled.settled_at, partition)
    table.forget_old(partition, context.now())


def _not_repeated(table: Generations, chunk: Chunk) -> tuple[dict[str, Arrival], int]:
    """Return the latest new arrival of each question, and how many repeats were dropped."""
    found: dict[str, Arrival] = {}
    repeats = 0
    for arrival in chunk:
        question = arrival.value
        if not isinstance(question, Question):
            continue
        known = found.get(question.question_id)
        seen = _seen(known.value) if known else table.seen(question.question_id)
        if seen is not None and _seen(question) <= seen:
            repeats += 1
            continue
        repeats += known is not None
        found[question.question_id] = arrival
    return found, repeats


def _next_message(context: Context, arrival: Arrival) -> Outgoing:
    question: Question = arrival.value
    if past_deadline(context, question):
        return deadline_letter(context, arrival)
    decision = admit(
        None,
        _seen(question),
        context.limits.max_generations,
        has_best=question.best is not None,
    )
    match decision:
        case Admission.ASK:
            context.metrics.count("questions_admitted")
            request = LlmRequest(**question.carried())
            return Outgoing(context.names.llm_requests, question.question_id, request)
        case Admission.END_WITH_BEST:
            why = f"generation {question.generation} is beyond the limit"
            if question.best is not None and question.best.why is not None:
                why = f"{why}; {question.best.why[:3_500]}"
            return best_as_final(context, question, "anti_cycle", why)
        case Admission.DEAD | Admission.REPEAT:
            context.metrics.count("dead_letters", "anti_cycle")
            detail = f"generation {question.generation} > {context.limits.max_generations}"
            return dead_letter(context, arrival, "anti_cycle", detail)


def hold_back(context: Context, chunk: Chunk) -> tuple[Chunk, Chunk]:
    """Return what goes on and, while a flood has stopped the intake, the new questions, which wait.

    Generations of questions that came in before go on, and so do ends and bad messages.
    """
    if not context.flood.open:
        return chunk, []
    going: Chunk = []
    new: Chunk = []
    for each in chunk:
        first = isinstance(each.value, Question) and each.value.generation == 1
        (new if first else going).append(each)
    return going, new


def _seen(question: Question) -> Seen:
    return Seen(question.round, question.generation)


def _accepted(context: Context, question: Question) -> Accepted:
    trace = context.tracing.carrier(question.question_id)
    return Accepted(
        question_id=question.question_id,
        question_text=question.question_text,
        original_answer=question.original_answer,
        model=question.model,
        turn=question.turn,
        accepted_at=question.accepted_at,
        metadata=question.metadata,
        trace_context=trace.text if trace else None,
    )


def register(context: Context, table: Generations) -> None:
    """Declare the agent on `questions-pending` and `questions-settled`."""
    topic = context.app.topic(*received(STAGE, context.names), schema=context.schema)

    @context.app.agent(topic, name=STAGE)
    async def admit_agent(stream: faust.Stream) -> None:
        """Questions in, calls to be made out; repeats and cycles end here."""
        await read_chunks(context, STAGE, stream, partial(handle, table), hold_back)
