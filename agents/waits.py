"""Waiting that a rebalance or a stop can interrupt, and sending that is acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from time import perf_counter
from typing import Any, NamedTuple, TypeVar

import faust

from agents.stage_context import StageContext
from app.broker.refusals import is_too_large
from app.errors import BrokerUnavailable, RowLocked, StoreUnavailable, UnavailableError
from app.tracing.port import MessageHeaders
from models.questions import DeadLetter

T = TypeVar("T")

_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 2.0
_SEND_SECONDS = 3.0
#: How long one try may take before the watchdog calls it a hang: the adapters' own limits are
#: shorter. A scorer's first try loads its model.
TRY_SECONDS = {"database": 15.0, "broker": 15.0, "scorer": 300.0}
#: Ends the detail of a dead letter whose original the topic did not take whole.
CUT = " (the original is cut: the topic takes no larger message)"
#: What the length of a try that came through is added to.
_HISTOGRAMS = {
    "database": "database_seconds",
    "broker": "broker_seconds",
    "scorer": "scoring_seconds",
}


class Draining(Exception):
    """The partitions are being taken away, or the worker stops: give the event back."""


class Outgoing(NamedTuple):
    """A message to send. Without `headers` it carries on the trace of what is in hand."""

    topic: str
    key: str
    record: faust.Record
    headers: MessageHeaders | None = None


def raise_if_draining(context: StageContext) -> None:
    if context.app.consumer.draining.is_set():
        raise Draining


async def interruptible(
    context: StageContext,
    awaitable: Awaitable[T],
    grace_seconds: float | Callable[[], float] | None = None,
) -> T:
    """Await something, but no longer than `grace_seconds` (default: the limits') into a drain.

    A callable is asked when the drain begins.

    Raises Draining when that time is over; the awaitable is cancelled then.
    """
    try:
        async with asyncio.timeout(None) as limit:

            def drain_begins() -> None:
                grace = grace_seconds() if callable(grace_seconds) else grace_seconds
                if grace is None:
                    grace = context.limits.drain_grace_seconds
                limit.reschedule(asyncio.get_running_loop().time() + grace)

            with context.app.consumer.draining.telling(drain_begins):
                return await awaitable
    except TimeoutError:
        if limit.expired():
            raise Draining from None
        raise


async def until_up(context: StageContext, what: str, attempt: Callable[[], Awaitable[T]]) -> T:
    """Do something that needs an outside system, waiting for the system while it is away.

    Infrastructure is waited for, never counted: the event stays unacknowledged meanwhile.
    """
    pause = _FIRST_PAUSE_SECONDS
    with context.waiting_for(what, TRY_SECONDS[what]) as wait:
        while True:
            started = perf_counter()
            try:
                result = await interruptible(context, attempt())
            except UnavailableError as error:
                context.metrics.count(_counter_of(error))
                # A locked row is no outage: after one, nobody may claim a call for a while.
                if isinstance(error, StoreUnavailable) and not isinstance(error, RowLocked):
                    context.outages.failed(context.now())
                if pause == _FIRST_PAUSE_SECONDS:
                    context.log.warning("waiting", for_what=what, reason=str(error)[:300])
                wait.trouble = str(error)[:300]
            else:
                context.metrics.observe(
                    _HISTOGRAMS[what],
                    perf_counter() - started,
                    trace_id=context.tracing.trace_id(),
                )
                return result
            wait.renew(pause + TRY_SECONDS[what])
            await interruptible(context, asyncio.sleep(pause), grace_seconds=0)
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)


async def publish(context: StageContext, messages: Sequence[Outgoing]) -> None:
    """Send messages and wait until the log has acknowledged every one.

    Those that failed are sent again until they are through, or the worker drains. Raises ValueError
    for one that can never be written; of a dead letter, less and less of the original is kept.
    """
    unsent = list(messages)
    while unsent:

        async def send_all(batch: list[Outgoing] = unsent) -> list[Outgoing]:
            results = await _results(context, batch)
            failed = [
                (m, r) for m, r in zip(batch, results, strict=True) if isinstance(r, BaseException)
            ]
            for _, result in failed:
                if isinstance(result, ValueError | TypeError):
                    raise result
            if len(failed) == len(batch) and not any(is_too_large(r) for _, r in failed):
                raise BrokerUnavailable(repr(results[0]))
            return [_shorter(m, r) if is_too_large(r) else m for m, r in failed]

        unsent = await until_up(context, "broker", send_all)


def _shorter(message: Outgoing, error: BaseException) -> Outgoing:
    """Return a dead letter with half as much of its original. Raises ValueError for others."""
    letter = message.record
    if not isinstance(letter, DeadLetter) or not letter.value:
        raise ValueError(f"{message.topic} takes no message of this size: {error!r}")
    half = letter.value[: len(letter.value) // 2]
    said = "" if letter.detail.endswith(CUT) else CUT
    return message._replace(record=letter.derive(value=half, detail=letter.detail + said))


async def send_once(context: StageContext, message: Outgoing) -> None:
    """Send one message and wait for its acknowledgement; raises BrokerUnavailable, within a time.

    For those who work on through a drain, and have something else to try.
    """
    try:
        async with asyncio.timeout(_SEND_SECONDS):
            await (await _append(context, message))
    except (ValueError, TypeError):
        raise  # it can't be written at all
    except Exception as error:
        raise BrokerUnavailable(repr(error)) from error


def _counter_of(error: UnavailableError) -> str:
    match error:
        case StoreUnavailable():
            return "db_errors"
        case BrokerUnavailable():
            return "broker_errors"
        case _:
            return "scorer_errors"


async def _results(context: StageContext, batch: Sequence[Outgoing]) -> list[Any]:
    """Send all, then wait for all; return what the log said to each, errors too."""
    sendings: list[Awaitable[Any]] = []
    for message in batch:
        try:
            sendings.append(await _append(context, message))
        except Exception as error:  # noqa: BLE001 (Kafka's client raises what it likes)
            failed = asyncio.get_running_loop().create_future()
            failed.set_exception(error)
            sendings.append(failed)
    return await asyncio.gather(*sendings, return_exceptions=True)


async def _append(context: StageContext, message: Outgoing) -> Awaitable[Any]:
    headers = message.headers or context.tracing.headers(message.key)
    return await context.append(message.topic, message.key, message.record, headers)
