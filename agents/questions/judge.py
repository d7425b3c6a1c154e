"""`judge`: scores answers against their references; weak ones are asked again, up to a limit."""

from __future__ import annotations

from functools import partial
from typing import Any

import faust

from agents.arrivals import read_concurrently
from agents.best import better
from agents.context import Context
from agents.endings import best_as_final, dead_letter
from agents.questions.asked import model_of
from agents.questions.scoring import score_of
from agents.waits import Outgoing, publish, until_up
from app.core.gate import Score
from app.core.guards import Evidence, guard_of, object_to
from app.core.judging import ZERO, Next, gate_for, needs_score, verdict, what_next
from app.core.strategies import reason_of
from app.errors import ScoreFailure
from app.ports import CallAnswer, StoredVerdict
from app.topology import received
from app.wire import Arrival
from models.questions import LlmAnswer, Question, ScoredAnswer, ScoredAttempt

STAGE = "judge"


async def handle(context: Context, arrival: Arrival) -> None:
    """Judge, store the verdict, publish what follows from the one in force.

    A replay is scored again, but the store keeps the first verdict and returns it: a score that
    moves with its batch mates can't flip a verdict, and one that fails now can't take it back.
    """
    answer: LlmAnswer = arrival.value
    store = context.ports.store
    if not answer.in_ledger and not await _in_force(context, answer):
        context.metrics.count("repeats_dropped")
        return
    try:
        made = await _judge(context, answer)
    except ScoreFailure as error:
        before = await until_up(context, "database", lambda: store.verdict(answer.call))
        if before is None:
            context.metrics.count("dead_letters", "score_failure")
            await publish(context, [dead_letter(context, arrival, "score_failure", str(error))])
            return
        made = before
    judged = await until_up(context, "database", lambda: store.record_verdict(answer.call, made))
    f1 = judged.score.f1 if judged.score else None
    facts = {"answerloop.verdict": str(judged.status), "answerloop.f1": f1}
    context.tracing.note(answer.question_id, facts)
    await publish(context, _outgoing(context, answer, judged))


async def _in_force(context: Context, answer: LlmAnswer) -> bool:
    """Fill the ledger with an answer that came while the database was away.

    False when another outcome of the same call was there first: that one goes its own way.
    """
    store = context.ports.store
    came = CallAnswer(
        answer.answer, answer.seconds, answer.tokens, answer.finish_reason, answer.prompt_tokens
    )
    record = partial(store.record_answer, answer.call, context.owner, came)
    if await until_up(context, "database", record):
        return True
    stored = await until_up(context, "database", partial(store.question, answer.question_id))
    attempts = stored.attempts if stored is not None else ()
    return any(
        (each.round, each.generation, each.attempt) == answer.turn and each.answer == answer.answer
        for each in attempts
    )


async def _judge(context: Context, answer: LlmAnswer) -> StoredVerdict:
    score: Score | None = None
    reference = answer.original_answer
    if reference is not None and needs_score(answer.answer, reference):
        score = await score_of(context, answer, reference)
        context.metrics.count("scorer_texts_cut", by=score.cut)
    objection = object_to(
        Evidence(answer.answer, answer.question_text, reference, answer.finish_reason),
        context.limits.guards,
    )
    if objection is not None:
        context.metrics.count("guards_fired", objection.guard)
    # After the score: a scorer elsewhere tells its name with it.
    gate = gate_for(context.gate, answer.question_text, reference)
    status, score, why = verdict(answer.answer, reference, score, gate, objection)
    return StoredVerdict(
        status=status,
        score=score,
        threshold=gate.threshold if score else None,
        metric=str(gate.metric) if score else None,
        scorer=context.ports.scorer.name if score else None,
        why=why,
        library=context.ports.scorer.library or None if score else None,
        gate=gate.source if score else None,
    )


def _outgoing(context: Context, answer: LlmAnswer, judged: StoredVerdict) -> list[Outgoing]:
    limits = context.limits
    step = what_next(judged.status, answer.generation, limits.max_generations)
    match step:
        case Next.ACCEPT:
            scored = _scored(context, answer, judged, final=True)
            return [Outgoing(context.names.validated_responses, answer.question_id, scored)]
        case Next.ASK_AGAIN:
            context.metrics.count("regenerations")
            best = _best(context, answer, judged)
            again = Question(
                **{
                    **answer.carried(),
                    "generation": answer.generation + 1,
                    "attempt": 1,
                    "best": best,
                    "rejected_by": reason_of(guard_of(judged.why)),
                }
            )
            rejected = _scored(context, answer, judged, final=False)
            return [
                Outgoing(context.names.low_quality_responses, answer.question_id, rejected),
                Outgoing(context.names.questions_pending, answer.question_id, again),
            ]
        case Next.END_WITH_BEST:
            best = _best(context, answer, judged)
            why = best.why or "no answer passed; this is the best one"
            guard = guard_of(why)
            cause = f"guard_{guard}" if guard is not None else None
            return [best_as_final(context, answer.derive(best=best), cause, why)]


def _best(context: Context, answer: LlmAnswer, judged: StoredVerdict) -> ScoredAttempt:
    """Return the better of the question's best attempt and this one."""
    score = judged.score or ZERO
    this = ScoredAttempt(
        generation=answer.generation,
        attempt=answer.attempt,
        answer=answer.answer,
        precision=score.precision,
        recall=score.recall,
        f1=score.f1,
        model=model_of(context, answer),
        threshold=judged.threshold,
        metric=judged.metric,
        gate=judged.gate,
        scorer=judged.scorer,
        library=judged.library,
        why=judged.why,
    )
    best: ScoredAttempt | None = answer.best
    if best is not None and best.why is None:
        best = best.derive(why=_why_of_best(context, answer, best))
    return better(best, this, context.gate.metric)


def _why_of_best(context: Context, answer: LlmAnswer, best: ScoredAttempt) -> str | None:
    """Return a guard's objection to a best attempt from before records said why it failed.

    (A cut off one is not known any more: how its call ended does not travel.)
    """
    evidence = Evidence(best.answer, answer.question_text, answer.original_answer)
    objection = object_to(evidence, context.limits.guards)
    return objection.why if objection is not None else None


def _scored(
    context: Context, answer: LlmAnswer, judged: StoredVerdict, *, final: bool
) -> ScoredAnswer:
    score: Any = judged.score
    return ScoredAnswer(
        **answer.carried(),
        answer=answer.answer,
        status=str(judged.status),
        final=final,
        finished_at=context.now(),
        why=judged.why,
        precision=score.precision if score else None,
        recall=score.recall if score else None,
        f1=score.f1 if score else None,
        scorer=judged.scorer,
        metric=judged.metric,
        threshold=judged.threshold,
        library=judged.library,
        gate=judged.gate,
    )


def register(context: Context) -> None:
    """Declare the agent on `llm-responses-success`."""
    topic = context.app.topic(*received(STAGE, context.names), schema=context.schema)

    @context.app.agent(topic, name=STAGE)
    async def judge_agent(stream: faust.Stream) -> None:
        """Answers in; accepted, asked again, or ended with the best attempt."""
        await read_concurrently(context, STAGE, stream, context.limits.judge_concurrency, handle)
