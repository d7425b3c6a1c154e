"""Putting a dead letter's bytes on the log: by an engine's producer, or by one of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from os import getpid
from typing import Any, NamedTuple, Protocol

import structlog

from app.settings import Settings
from app.tracing.port import MessageHeaders, Tracing

#: How long the log may take to acknowledge a letter.
SEND_SECONDS = 10.0


class Message(NamedTuple):
    """Bytes for a topic."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: MessageHeaders | None = None


class LetterSender(Protocol):
    """Puts bytes on the log."""

    async def send(self, messages: Sequence[Message]) -> list[str | None]:
        """Send; return for each None once the log has it, or why it may not have it."""
        ...


class ProducerSender:
    """Sends by a Faust producer that runs."""

    def __init__(self, producer: Any) -> None:
        self._producer = producer

    async def send(self, messages: Sequence[Message]) -> list[str | None]:
        return await asyncio.gather(*(self._one(message) for message in messages))

    async def _one(self, message: Message) -> str | None:
        try:
            async with asyncio.timeout(SEND_SECONDS):
                topic, key, value, headers = message
                await (await self._producer.send(topic, key, value, None, None, headers))
        except TimeoutError:
            return f"the log did not acknowledge within {SEND_SECONDS:.0f} s"
        except Exception as error:  # noqa: BLE001 (whatever it is, the letter stays in hand)
            return f"the log did not take it: {error!r}"[:300]
        return None


@asynccontextmanager
async def own_tracing(settings: Settings) -> AsyncIterator[Tracing]:
    """Give tracing to a command that runs no engine, as OTEL_ENDPOINT says; at the end, send all.

    Raises SettingsError when the SDK's own variables contradict each other.
    """
    from agents.waits import Draining
    from app.adapters.clock import SystemClock
    from app.metrics import Metrics
    from app.tracing.opening import open_tracing

    owner, log = f"dlq {getpid()}", structlog.get_logger("answerloop")
    tracing = open_tracing(
        settings, Metrics(), log, now=SystemClock().now, owner=owner, given_back=Draining
    )
    try:
        yield tracing
    finally:
        await tracing.close()


@asynccontextmanager
async def own_sender(settings: Settings) -> AsyncIterator[ProducerSender]:
    """Give a sender to a command that runs no engine: a producer alone, no consumer, no model.

    Raises UnavailableError when the broker can't be reached, or another process has the log.
    """
    from app.factory import create_app
    from app.service.outside import prepare_topics
    from app.transports import close_storage

    await prepare_topics(settings)
    app = create_app(settings)
    producer = app.transport.create_producer()
    await producer.start()
    try:
        yield ProducerSender(producer)
    finally:
        await producer.stop()
        if settings.embedded:
            close_storage(str(app.conf.broker[0]))
