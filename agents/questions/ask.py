"""`ask`: makes the model calls, each one once, and stores what came before it says so."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import faust

from agents.arrivals import read_concurrently
from agents.context import Context
from agents.endings import deadline_letter, past_deadline
from agents.waits import TRY_SECONDS, Draining, Outgoing, interruptible, publish, until_up
from app.core.questions import CallKey
from app.core.retry import bounded_retry_after
from app.core.strategies import prompt_for, strategy_for
from app.errors import LlmFailed, StoreUnavailable
from app.ports import Busy, CallAnswer, CallFailure, Claim, Claimed, ClaimRequest, ModelAnswer
from app.wire import Arrival
from models.questions import LlmAnswer, LlmFailure, LlmRequest

STAGE = "ask"
_BUSY_PAUSE_SECONDS = 0.5
#: A model call ends within its limit, and a little for what is around it.
_MARGIN_SECONDS = 10.0
_HTTP_STATUSES = range(100, 600)

Outcome = CallAnswer | CallFailure


async def handle(context: Context, arrival: Arrival) -> None:
    """Claim the call, make it unless somebody did, store and publish its outcome."""
    request: LlmRequest = arrival.value
    if past_deadline(context, request):
        await publish(context, [deadline_letter(context, arrival)])
        return
    if request.first_called_at is None:
        request = request.derive(first_called_at=context.now())
    outcome = await _made_or_found(context, request)
    await publish(context, [_outgoing(context, request, outcome)])


async def _made_or_found(context: Context, request: LlmRequest) -> Outcome:
    """Return the outcome that the ledger holds, after making the call if it is ours to make."""
    while True:
        found = await _claim(context, request)
        if not isinstance(found, Claimed):
            context.metrics.count("calls_reused")
            return found
        if context.app.consumer.draining.is_set():  # the stop would cut the call off
            await _unclaim(context, request.call)
            raise Draining
        outcome = await _call(context, request)
        if outcome is not None:
            return outcome


async def _claim(context: Context, request: LlmRequest) -> Claimed | Outcome:
    """Claim the call, or wait until the one who makes it is done or gone."""
    while True:
        claim: Claim = await until_up(
            context,
            "database",
            lambda: context.ports.store.claim(
                ClaimRequest(
                    call=request.call,
                    owner=context.owner,
                    lease_seconds=context.limits.lease_seconds,
                    model=_model_of(context, request),
                    now=context.now(),
                    waited_seconds=request.waited_seconds,
                )
            ),
        )
        if not isinstance(claim, Busy):
            return claim
        with context.waiting_for("the worker that makes the call"):
            await interruptible(context, asyncio.sleep(_BUSY_PAUSE_SECONDS), grace_seconds=0)


def _model_of(context: Context, request: LlmRequest) -> str:
    """Return the model that this generation asks: the question's, or its strategy's own."""
    return strategy_for(request.generation, context.limits.strategies).model or request.model


async def _call(context: Context, request: LlmRequest) -> Outcome | None:
    """Make the call and store its outcome; None when the ledger holds somebody else's.

    A call that outlasts a drain's grace goes on detached.
    """
    call = asyncio.create_task(_call_and_store(context, request))
    try:
        return await interruptible(context, asyncio.shield(call))
    except (Draining, asyncio.CancelledError):
        detach(context, request.call, call)
        raise
    except Exception:
        await until_up(
            context, "database", lambda: context.ports.store.unclaim(request.call, context.owner)
        )
        raise


async def _call_and_store(context: Context, request: LlmRequest) -> Outcome | None:
    started = context.now()
    prompt = prompt_for(request.question_text, request.generation, context.limits.strategies)
    context.calls_in_flight += 1
    try:
        with context.waiting_for("the model", context.limits.call_seconds + _MARGIN_SECONDS):
            answer = await context.ports.model.answer(prompt)
    except LlmFailed as error:
        context.metrics.count("model_calls", error.cause.name)
        outcome: Outcome = _failure(error, context.now() - started, context.now())
    else:
        context.metrics.count("model_calls", "answered")
        context.metrics.observe_call(answer.seconds)
        outcome = _answer(answer)
    finally:
        context.calls_in_flight -= 1
    kept = await _store(context, request.call, outcome)
    return outcome if kept else None


async def _store(context: Context, call: CallKey, outcome: Outcome) -> bool:
    """Store an outcome, however long the database is away: an answer was paid for.

    False when another outcome was there first.
    """
    pause = 0.1
    with context.waiting_for("database", TRY_SECONDS["database"]) as wait:
        while True:
            try:
                if isinstance(outcome, CallAnswer):
                    return await context.ports.store.record_answer(call, context.owner, outcome)
                return await context.ports.store.record_failure(call, context.owner, outcome)
            except StoreUnavailable:
                context.metrics.count("db_errors")
                wait.renew(pause + TRY_SECONDS["database"])
                await asyncio.sleep(pause)
                pause = min(pause * 2, 2.0)


def detach(context: Context, key: CallKey, call: asyncio.Task[Outcome | None]) -> None:
    """Let a call go on without its event; the next owner finds its outcome in the ledger.

    A call that is cancelled after all (the worker stops) gives its claim back.
    """

    async def see_to_the_end() -> None:
        try:
            await call
        except asyncio.CancelledError:
            await _unclaim(context, key)
        except Exception as error:  # noqa: BLE001 (nobody else awaits this task)
            context.log.error("detached_call_failed", call=key, error=repr(error))

    task = asyncio.create_task(see_to_the_end())
    task.add_done_callback(lambda _: context.detached.pop(task, None))
    context.detached[task] = call


async def _unclaim(context: Context, key: CallKey) -> None:
    """Give a claim back; while the database is away its lease has to run out."""
    with suppress(StoreUnavailable):
        await context.ports.store.unclaim(key, context.owner)


async def finish_detached(context: Context, seconds: float) -> None:
    """Wait for detached calls; those that take longer are cancelled and their claims given back."""
    if context.detached:
        await asyncio.wait(set(context.detached), timeout=seconds)
    leftover = dict(context.detached)
    for call in leftover.values():
        call.cancel()
    if leftover:
        await asyncio.wait(set(leftover), timeout=seconds)


def _answer(answer: ModelAnswer) -> CallAnswer:
    return CallAnswer(answer.text, answer.seconds, answer.tokens, answer.finish_reason)


def _failure(error: LlmFailed, seconds: float, now: float) -> CallFailure:
    return CallFailure(
        cause=error.cause.name,
        detail=error.detail[:2000],
        seconds=max(0.0, seconds),
        failed_at=now,
        status=error.status if error.status in _HTTP_STATUSES else None,
        retry_after_seconds=bounded_retry_after(error.retry_after_seconds),
    )


def _outgoing(context: Context, request: LlmRequest, outcome: Outcome) -> Outgoing:
    names = context.names
    if isinstance(outcome, CallAnswer):
        answer = LlmAnswer(
            **request.carried(),
            answer=outcome.text,
            answered_at=context.now(),
            seconds=outcome.seconds,
            tokens=outcome.tokens,
            finish_reason=outcome.finish_reason,
        )
        return Outgoing(names.llm_responses_success, request.question_id, answer)
    failure = LlmFailure(
        **request.carried(),
        cause=outcome.cause,
        failed_at=outcome.failed_at,
        detail=outcome.detail,
        status=outcome.status,
        retry_after_seconds=outcome.retry_after_seconds,
    )
    return Outgoing(names.llm_responses_error, request.question_id, failure)


def register(context: Context) -> None:
    """Declare the agent on `llm-requests`."""
    topic = context.app.topic(context.names.llm_requests, schema=context.schema)

    @context.app.agent(topic, name=STAGE)
    async def ask_agent(stream: faust.Stream) -> None:
        """Model calls: as many in flight as LLM_CONCURRENCY allows."""
        await read_concurrently(context, STAGE, stream, context.limits.concurrency, handle)
