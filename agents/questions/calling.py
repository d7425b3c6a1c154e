"""One model call: made, and its outcome kept, come what may.

An answer was paid for. It is stored in the ledger; while the database is away it goes to the log,
and `judge` fills the ledger. A call that outlasts a drain's grace goes on without its event.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from time import perf_counter

from agents.context import Context
from agents.questions.asked import strategy_of
from agents.questions.outcomes import Made, Outcome, answer_of, failure_of, outgoing
from agents.turnstile import Pass
from agents.waits import TRY_SECONDS, Draining, interruptible, send_once, until_up
from app.core.pressure import Pressure, blames_the_server, pressure_of
from app.core.questions import CallKey
from app.core.retry import bounded_retry_after
from app.errors import LlmFailed, StoreUnavailable, UnavailableError
from app.ports import CallAnswer, CallFailure
from models.questions import LlmRequest

#: A model call ends within its limit, and a little for what is around it.
_MARGIN_SECONDS = 10.0
#: An answer that the database does not take within this time goes to the log.
_STORE_SECONDS = 3.0
_LAST_UNCLAIMS_SECONDS = 2.0
#: Of a call whose question may be to blame: so many failed probes burn no attempt, no more.
_FREE_PROBES = 5


async def call(context: Context, request: LlmRequest, leave: Pass) -> Made | None:
    """Make a call that is claimed, and see to its outcome.

    None: the ledger holds somebody else's outcome, or a failed probe burnt no attempt. A call that
    outlasts a drain's grace goes on detached, and Draining is raised.
    """
    task = asyncio.create_task(_call_and_store(context, request, leave))
    try:
        return await interruptible(
            context, asyncio.shield(task), grace_seconds=context.grace_of_calls
        )
    except (Draining, asyncio.CancelledError):
        detach(context, request, task)
        raise
    except Exception:
        await until_up(
            context,
            "database",
            lambda: context.ports.store.unclaim(request.call, context.owner, made=True),
        )
        raise


async def _call_and_store(context: Context, request: LlmRequest, leave: Pass) -> Made | None:
    started = context.now()
    strategy = strategy_of(context, request)
    prompt = strategy.prompt_for(request.question_text)
    name, model = strategy.model or request.model, context.ports.model
    context.calls_in_flight += 1
    try:
        with (
            context.waiting_for("the model", context.limits.call_seconds + _MARGIN_SECONDS),
            context.tracing.call(request, name, prompt, model.where) as span,
        ):
            answer = await model.answer(prompt)
            span.answered(answer)
    except LlmFailed as error:
        outcome: Outcome = failure_of(error, context.now() - started, context.now())
        context.metrics.count("model_calls", error.cause.name)
        context.metrics.count("model_seconds", by=outcome.seconds)
        context.turnstile.ended(
            leave,
            pressure_of(error.cause),
            retry_after_seconds=bounded_retry_after(error.retry_after_seconds),
        )
        if (
            leave.probe
            and blames_the_server(error.cause, error.status)
            and _burns_nothing(context, request.call, error)
        ):
            await _give_claim_back(context, request.call)
            return None
    else:
        context.metrics.count("model_calls", "answered")
        context.metrics.observe_call(
            answer.seconds, trace_id=context.tracing.trace_id(request.question_id)
        )
        context.metrics.count("model_seconds", by=answer.seconds)
        context.metrics.count("model_tokens", "prompt", by=answer.prompt_tokens or 0)
        context.metrics.count("model_tokens", "answer", by=answer.tokens or 0)
        context.turnstile.ended(leave, Pressure.FINE, tokens=answer.tokens)
        outcome = answer_of(answer)
    finally:
        context.calls_in_flight -= 1
        context.turnstile.unused(leave)  # a call that was cancelled, or broke: else it is void
    context.free_probes.pop(request.call, None)
    if isinstance(outcome, CallAnswer):
        return await _stored_answer(context, request.call, outcome)
    kept = await _stored_failure(context, request.call, outcome)
    return Made(outcome) if kept else None


def _burns_nothing(context: Context, key: CallKey, error: LlmFailed) -> bool:
    """Tell whether a failed probe is none of its question's attempts.

    An internal error may be the question's own doing: a few such questions would probe for ever.
    """
    if error.cause.name != "server_error":
        return True
    context.free_probes[key] += 1
    return context.free_probes[key] <= _FREE_PROBES


async def _stored_answer(context: Context, key: CallKey, answer: CallAnswer) -> Made | None:
    """Store an answer. None when another outcome was there first."""
    started = perf_counter()
    try:
        with context.waiting_for("database", _STORE_SECONDS + _MARGIN_SECONDS):
            async with asyncio.timeout(_STORE_SECONDS):
                kept = await context.ports.store.record_answer(key, context.owner, answer)
    except (StoreUnavailable, TimeoutError):
        context.metrics.count("db_errors")
        return Made(answer, in_ledger=False)
    context.metrics.observe("database_seconds", perf_counter() - started)
    return Made(answer) if kept else None


async def _stored_failure(context: Context, key: CallKey, failure: CallFailure) -> bool:
    """Store a failure, however long the database is away. False: an outcome was there first."""
    pause = 0.1
    with context.waiting_for("database", TRY_SECONDS["database"]) as wait:
        while True:
            try:
                return await context.ports.store.record_failure(key, context.owner, failure)
            except StoreUnavailable:
                context.metrics.count("db_errors")
                wait.renew(pause + TRY_SECONDS["database"])
                await asyncio.sleep(pause)
                pause = min(pause * 2, 2.0)


async def _give_claim_back(context: Context, key: CallKey) -> None:
    """Give a claim back for certain: this worker would go on renewing it."""
    pause = 0.1
    with context.waiting_for("database", TRY_SECONDS["database"]) as wait:
        while True:
            try:
                return await context.ports.store.unclaim(key, context.owner)
            except StoreUnavailable:
                context.metrics.count("db_errors")
                wait.renew(pause + TRY_SECONDS["database"])
                await asyncio.sleep(pause)
                pause = min(pause * 2, 2.0)


def detach(context: Context, request: LlmRequest, task: asyncio.Task[Made | None]) -> None:
    """Let a call go on without its event; the next owner finds its outcome in the ledger.

    A call that is cancelled after all (the worker stops) gives its claim back.
    """

    async def see_to_the_end() -> None:
        try:
            made = await task
            if made is not None and not made.in_ledger:
                await _keep_anywhere(context, request, made)
        except asyncio.CancelledError:
            await unclaim(context, request.call, made=True)
        except Exception as error:  # noqa: BLE001 (nobody else awaits this task)
            context.log.error("detached_call_failed", call=request.call, error=repr(error))

    end = asyncio.create_task(see_to_the_end())
    end.add_done_callback(lambda _: context.detached.pop(end, None))
    context.detached[end] = task


def keep_detached(context: Context, request: LlmRequest, made: Made) -> None:
    """Keep an answer in the background that neither ledger nor log have taken yet."""

    async def there() -> Made:
        return made

    detach(context, request, asyncio.create_task(there()))


async def _keep_anywhere(context: Context, request: LlmRequest, made: Made) -> None:
    """Put an answer into the log or into the ledger, whichever is there first."""
    pause = 0.1
    while not await _sent(context, request, made):
        stored = isinstance(made.outcome, CallAnswer) and (
            await _stored_answer(context, request.call, made.outcome) != made
        )
        if stored:
            return
        await asyncio.sleep(pause)
        pause = min(pause * 2, 2.0)


async def _sent(context: Context, request: LlmRequest, made: Made) -> bool:
    try:
        await send_once(context, outgoing(context, request, made))
    except UnavailableError:
        context.metrics.count("broker_errors")
        return False
    return True


async def unclaim(context: Context, key: CallKey, *, made: bool = False) -> None:
    """Give a claim back; while the database is away its lease has to run out."""
    with suppress(StoreUnavailable):
        await context.ports.store.unclaim(key, context.owner, made=made)


async def finish_detached(context: Context) -> None:
    """Wait for detached calls until the stop's grace is over.

    Those that take longer are cancelled and their claims given back.
    """
    if context.detached:
        await asyncio.wait(set(context.detached), timeout=context.grace_of_calls())
    leftover = dict(context.detached)
    for end, task in leftover.items():
        task.cancel()
        if task.done():  # its answer waits for ledger and log to come back: it can't any longer
            end.cancel()
    if leftover:
        await asyncio.wait(set(leftover), timeout=_LAST_UNCLAIMS_SECONDS)
