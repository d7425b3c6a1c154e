"""Clients of Kafka wait for the next look: used again, closed after a while or an error."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from app.errors import BrokerUnavailable, NotFoundError
from app.inspection.kafka_reader import KafkaReader
from app.settings import load_settings
from app.web.dashboard import looking
from app.web.dashboard.idle import IdleReaders
from app.web.dashboard.looking import Looking
from tests.flow.engine import poll


class Client(KafkaReader):
    """A client that connects nothing, and tells what was done to it."""

    def __init__(self, *_: Any, **__: Any) -> None:
        super().__init__(["127.0.0.1:1"])
        self.rested = self.closed = 0

    def rest(self) -> None:
        self.rested += 1

    async def close(self) -> None:
        self.closed += 1


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Client]:
    """The clients that looks have made."""
    made: list[Client] = []

    def make(*arguments: Any, **options: Any) -> Client:
        made.append(Client(*arguments, **options))
        return made[-1]

    monkeypatch.setattr(looking, "KafkaReader", make)
    return made


@pytest.fixture
def looks() -> Looking:
    conf = SimpleNamespace(broker=["kafka://127.0.0.1:1"])
    running: Any = SimpleNamespace(first=SimpleNamespace(owner="w", app=SimpleNamespace(conf=conf)))
    settings = load_settings(broker="kafka://127.0.0.1:1", database="memory:")
    return Looking(running, settings)


async def test_one_look_after_another_uses_one_client(looks: Looking, opened: list[Client]) -> None:
    for _ in range(5):
        async with looks.reader() as reader:
            assert reader is opened[0]
    with pytest.raises(NotFoundError):
        async with looks.reader():
            raise NotFoundError("there is no such message")
    async with looks.reader() as reader, looks.reader() as other:
        assert reader is not other
    assert [(each.rested, each.closed) for each in opened] == [(7, 0), (1, 0)]
    await looks.close()
    assert [each.closed for each in opened] == [1, 1]


@pytest.mark.parametrize("error", [BrokerUnavailable("it is away"), asyncio.CancelledError()])
async def test_after_an_error_the_next_look_connects_anew(
    looks: Looking, opened: list[Client], error: BaseException
) -> None:
    with pytest.raises(type(error)):
        async with looks.reader():
            raise error
    assert (opened[0].closed, opened[0].rested) == (1, 0)
    async with looks.reader() as reader:
        assert reader is opened[1]
    await looks.close()


async def test_a_client_that_nobody_uses_is_closed(opened: list[Client]) -> None:
    kept, one, other = IdleReaders(0.2), Client(), Client()
    await kept.give(one)
    await kept.give(other)
    assert kept.take() is other, "the last one that came"

    async def ended() -> bool:
        return one.closed == 1 and len(kept) == 0

    await poll(ended, 20)
    assert kept.take() is None
    await kept.close()
    await kept.give(other)
    assert (one.closed, other.closed) == (1, 1), "what comes back later is not kept"
