"""`ask`: makes the model calls, each one once, and stores what came before it says so.

The turnstile (limit, breaker, rate limit) is passed first, then the claim is made: whoever waits
for leave to call holds nothing, and burns no attempt.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

import faust

from agents.arrivals import read_concurrently
from agents.context import Context
from agents.endings import dead_letter, deadline_letter, ended_before, past_deadline
from agents.questions.asked import strategy_of
from agents.questions.calling import call, keep_detached, unclaim
from agents.questions.outcomes import Made, outgoing
from agents.turnstile import Pass
from agents.waits import Draining, interruptible, publish, until_up
from app.ports import Busy, Claim, Claimed, ClaimRequest, Over
from app.topology import received
from app.wire import Arrival
from models.questions import LlmRequest

STAGE = "ask"
_BUSY_PAUSE_SECONDS = 0.5


async def handle(context: Context, arrival: Arrival) -> None:
    """Wait for leave, claim the call, make it unless somebody did, publish its outcome."""
    request: LlmRequest = arrival.value
    if (why := _beyond_the_limits(context, request)) is not None:
        context.metrics.count("dead_letters", "anti_cycle")
        await publish(context, [dead_letter(context, arrival, "anti_cycle", why)])
        return
    if request.first_called_at is None:
        request = request.derive(first_called_at=context.now())
    made = await _made_or_found(context, request)
    if isinstance(made, Over):
        context.metrics.count("repeats_dropped")
        return
    if made is None:
        if await ended_before(context, [request]):
            context.metrics.count("repeats_dropped")
            return
        letter = deadline_letter(context, replace(arrival, value=request))
        await publish(context, [letter])
        return
    try:
        await publish(context, [outgoing(context, request, made)])
    except Draining:
        if not made.in_ledger:
            keep_detached(context, request, made)
        raise


def _beyond_the_limits(context: Context, request: LlmRequest) -> str | None:
    """Say why no stage of ours can have written this request: it must not become a call."""
    limits, policy = context.limits, context.limits.policy
    attempts = 1 + policy.overload_max_retries + policy.quota_max_retries
    if request.generation > limits.max_generations:
        return f"generation {request.generation} > {limits.max_generations}"
    if request.attempt > attempts:
        return f"attempt {request.attempt} > {attempts}"
    return None


async def _made_or_found(context: Context, request: LlmRequest) -> Made | Over | None:
    """Return the outcome that the ledger holds, after making the call if it is ours to make.

    None when the deadline came first, Over when the question's round has ended without this call.
    """
    while not past_deadline(context, request):
        leave = await _leave_to_call(context, request)
        if leave is None:
            continue
        found = await _in_turn(context, request, leave)
        if isinstance(found, Made | Over):
            return found
        if isinstance(found, Busy):
            with context.waiting_for("the worker that makes the call"):
                await interruptible(context, asyncio.sleep(_BUSY_PAUSE_SECONDS), grace_seconds=0)
    return None


async def _leave_to_call(context: Context, request: LlmRequest) -> Pass | None:
    """Line up at the turnstile; None when the deadline came first."""
    turn = context.turnstile.line_up()
    try:
        with context.waiting_for("the model server"):
            async with asyncio.timeout(request.seconds_left(context.now())):
                return await interruptible(context, turn, grace_seconds=0)
    except TimeoutError:
        context.turnstile.step_out(turn)
        return None
    except BaseException:
        context.turnstile.step_out(turn)
        raise


async def _in_turn(context: Context, request: LlmRequest, leave: Pass) -> Made | Busy | Over | None:
    """Claim the call and make it. None: try again, there is neither outcome nor claim."""
    try:
        claim = await _claim(context, request)
        if isinstance(claim, Claimed) and context.app.consumer.draining.is_set():
            await unclaim(context, request.call)  # the stop would cut the call off
            raise Draining
    except BaseException:
        context.turnstile.unused(leave)
        raise
    if isinstance(claim, Claimed):
        return await call(context, request, leave)
    context.turnstile.unused(leave)
    if isinstance(claim, Busy | Over):
        return claim
    context.metrics.count("calls_reused")
    return Made(claim)


async def _claim(context: Context, request: LlmRequest) -> Claim:
    """Claim the call, or learn what became of it.

    After an outage of the database that leases may not have survived, owners get a moment to renew
    their claims, and `judge` to bring in the answers that went to the log meanwhile.
    """
    limits = context.limits
    strategy = strategy_of(context, request)

    async def attempt() -> Claim:
        long = limits.lease_seconds / 2
        while left := context.outages.settle_left(context.now(), long, limits.settle_seconds):
            await asyncio.sleep(left)
        return await context.ports.store.claim(
            ClaimRequest(
                call=request.call,
                owner=context.owner,
                lease_seconds=limits.lease_seconds,
                model=strategy.model or request.model,
                now=context.now(),
                waited_seconds=request.waited_seconds,
                deadline_at=request.deadline_at,
                strategy=strategy.name,
                temperature=strategy.temperature,
                seed=strategy.seed,
            )
        )

    return await until_up(context, "database", attempt)


def register(context: Context) -> None:
    """Declare the agent on `llm-requests`."""
    topic = context.app.topic(*received(STAGE, context.names), schema=context.schema)

    @context.app.agent(topic, name=STAGE)
    async def ask_agent(stream: faust.Stream) -> None:
        """Model calls: as many in flight as LLM_CONCURRENCY and the server allow."""
        await read_concurrently(context, STAGE, stream, context.limits.concurrency, handle)
