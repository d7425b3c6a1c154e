"""The sweep: questions that should have ended, and that no stage sees, are put on the log again.

Their event is gone: with a broken log, past the retention of its topic. The sweep ends nothing
itself. It sends the question's last message anew, and the stage that owns it does the rest: `ask`
gives up what is past its deadline, and makes a lost call; `judge` judges an answer that is in the
ledger. Where the event is alive after all this is a repeat like any other: one call, one end.
"""

from __future__ import annotations

import asyncio
import traceback

from agents.best import better
from agents.context import Context
from agents.waits import Draining, Outgoing, interruptible, publish
from app.core.lifecycle import Status
from app.core.questions import Attempt, StoredQuestion
from app.errors import StoreUnavailable
from app.ports import Overdue
from app.tracing import carrier_of_text
from app.tracing.port import Facts, Resumed
from models.questions import LlmAnswer, LlmRequest, ScoredAttempt

#: Batches of one tick: the rest follows at the next.
BATCHES = 10


async def sweep(context: Context) -> int:
    """Take one batch of overdue questions and send their messages; return how many.

    Raises StoreUnavailable.
    """
    found = await context.ports.store.take_overdue(context.now(), context.limits.sweep)
    with context.tracing.sweep([_resumed(each) for each in found]):
        await publish(context, [message(context, each) for each in found])
    late = sum(each.deadline_at is not None for each in found)
    context.metrics.count("questions_swept", "deadline", by=late)
    context.metrics.count("questions_swept", "lost", by=len(found) - late)
    if found:
        context.log.warning("swept", past_deadline=late, lost=len(found) - late)
    return len(found)


def message(context: Context, overdue: Overdue) -> Outgoing:
    """Return the last message of a question, as its stage would have sent it."""
    question, names = overdue.question, context.names
    state = _state(context, overdue)
    call = _call(question)
    if question.status is Status.JUDGING and call is not None and call.answer is not None:
        answer = LlmAnswer(
            **state,
            answer=call.answer,
            answered_at=context.now(),
            seconds=max(0.0, call.seconds or 0.0),
            tokens=call.tokens,
        )
        return Outgoing(names.llm_responses_success, question.question_id, answer)
    return Outgoing(names.llm_requests, question.question_id, LlmRequest(**state))


def _resumed(overdue: Overdue) -> Resumed:
    question = overdue.question
    round_, generation, attempt = question.turn
    facts: Facts = {
        "answerloop.question_id": question.question_id,
        "answerloop.round": round_,
        "answerloop.generation": generation,
        "answerloop.attempt": attempt,
        "answerloop.status": str(question.status),
        "answerloop.past_deadline": overdue.deadline_at is not None,
    }
    return Resumed(question.question_id, facts, carrier_of_text(question.trace_context))


def _state(context: Context, overdue: Overdue) -> dict[str, object]:
    """Return what every record of the question carries."""
    question = overdue.question
    attempts = _of_this_round(question)
    first_called_at, deadline_seconds = None, context.limits.deadline_seconds
    if overdue.deadline_at is not None:
        starts = [each.started_at for each in attempts]
        first_called_at = min([*starts, overdue.deadline_at])
        deadline_seconds = max(0.001, overdue.deadline_at - first_called_at)
    return {
        "question_id": question.question_id,
        "question_text": question.question_text,
        "original_answer": question.original_answer,
        "model": question.model,
        "accepted_at": question.accepted_at,
        "metadata": dict(question.metadata),
        "round": question.turn.round,
        "generation": question.turn.generation,
        "attempt": question.turn.attempt,
        "best": _best(context, attempts),
        "first_called_at": first_called_at,
        "deadline_seconds": deadline_seconds,
    }


def _of_this_round(question: StoredQuestion) -> list[Attempt]:
    return [each for each in question.attempts if each.round == question.turn.round]


def _call(question: StoredQuestion) -> Attempt | None:
    """Return the call that the question's last state is about."""
    _, generation, attempt = question.turn
    for each in _of_this_round(question):
        if (each.generation, each.attempt) == (generation, attempt):
            return each
    return None


def _best(context: Context, attempts: list[Attempt]) -> ScoredAttempt | None:
    """Return the best scored attempt of the round; at a tie the earlier."""
    best: ScoredAttempt | None = None
    for each in attempts:
        if each.score is None or each.answer is None:
            continue
        this = ScoredAttempt(
            generation=each.generation,
            attempt=each.attempt,
            answer=each.answer,
            precision=each.score.precision,
            recall=each.score.recall,
            f1=each.score.f1,
            model=each.model,
            threshold=each.threshold,
            metric=each.metric,
            gate=each.gate,
            scorer=each.scorer,
            library=each.library,
            why=each.why,
        )
        best = better(best, this, context.gate.metric)
    return best


def register(context: Context) -> None:
    """Declare the timer. It never raises: that would end the worker."""
    seconds = context.limits.sweep_seconds

    async def tick() -> None:
        # Workers that were started together do not ask the database together.
        pause = context.random.random() * seconds / 2
        await interruptible(context, asyncio.sleep(pause), grace_seconds=0)
        for _ in range(BATCHES):
            if await sweep(context) < context.limits.sweep.batch:
                return

    @context.app.timer(interval=seconds, name="sweep")
    async def sweep_timer() -> None:
        if context.app.rebalancing or context.app.consumer.draining.is_set():
            return
        try:
            await tick()
        except Draining:
            return  # what was taken and not sent is taken again
        except StoreUnavailable:
            context.metrics.count("db_errors")
        except Exception:  # noqa: BLE001 (the stage boundary)
            context.metrics.count("stage_errors", "sweep")
            context.log.error("sweep_failed", error=traceback.format_exc())
