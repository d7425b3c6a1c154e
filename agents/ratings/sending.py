"""Sending many messages whose bytes are made already: no record, task or sensor for each."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, NamedTuple

from agents.stage_context import StageContext
from agents.waits import until_up
from app.errors import BrokerUnavailable
from app.tracing.port import MessageHeaders


class Encoded(NamedTuple):
    """A message as it will lie in the log."""

    key: bytes
    value: bytes


async def publish_encoded(
    context: StageContext,
    topic: str,
    messages: Sequence[Encoded],
    headers: MessageHeaders | None = None,
) -> None:
    """Send messages, with the same headers, and wait until the log has acknowledged every one.

    Those that failed are sent again until they are through. Raises Draining when the worker
    drains meanwhile.
    """
    unsent = list(messages)

    async def send_all() -> list[Encoded]:
        results = await _results(context, topic, unsent, headers)
        failed = [
            message
            for message, result in zip(unsent, results, strict=True)
            if isinstance(result, BaseException)
        ]
        if len(failed) == len(unsent):
            raise BrokerUnavailable(repr(results[0]))
        return failed

    while unsent:
        unsent = await until_up(context, "broker", send_all)


async def _results(
    context: StageContext,
    topic: str,
    messages: Sequence[Encoded],
    headers: MessageHeaders | None,
) -> list[Any | BaseException]:
    """Send all, then wait for all; return what the log said to each, errors too."""
    producer = await context.app.maybe_start_producer()
    sends: list[Any] = []
    for key, value in messages:
        try:
            sends.append(await producer.send(topic, key, value, None, None, headers))
        except Exception as error:  # noqa: BLE001 (Kafka's client raises what it likes)
            failed = asyncio.get_running_loop().create_future()
            failed.set_exception(error)
            sends.append(failed)
    return await asyncio.gather(*sends, return_exceptions=True)
