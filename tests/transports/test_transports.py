"""The contract of `contract.py` on every transport."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from app.transports import StreamApp, close_storage, log_url
from tests.servers.kafka import KafkaServer
from tests.transports.contract import TransportContract
from tests.transports.harness import (
    Backend,
    EmbeddedBackend,
    KafkaBackend,
    RawSchema,
    running,
    until,
)


class TestMemory(TransportContract):
    @pytest.fixture
    def backend(self) -> Iterator[Backend]:
        url = f"memory://{uuid.uuid4().hex}"
        yield EmbeddedBackend(url)
        close_storage(url)


class TestLog(TransportContract):
    @pytest.fixture
    def backend(self, tmp_path: Path) -> Iterator[Backend]:
        url = log_url(tmp_path / "a log, of; sorts")
        yield EmbeddedBackend(url)
        close_storage(url)


@pytest.mark.kafka
class TestKafka(TransportContract):
    @pytest.fixture
    def backend(self, broker: KafkaServer) -> Backend:
        return KafkaBackend(broker.bootstrap)

    @asynccontextmanager
    async def rebalanced(
        self, app: StreamApp, another: Callable[[], StreamApp]
    ) -> AsyncIterator[None]:
        """A second member joins."""
        async with running(another()):
            await until(lambda: not app.rebalancing)
            yield

    async def test_a_static_member_comes_back_without_a_rebalance(self, backend: Backend) -> None:
        topic = backend.name("static")
        await backend.create(topic, 2)
        generations, seen = [], []
        for round_ in range(2):
            await backend.send(topic, 1, b"%d" % round_)
            app = self.app(backend, consumer_group_instance_id=f"{topic}-pod-0")

            @app.agent(app.topic(topic, schema=RawSchema()))
            async def read(stream: Any) -> None:
                async for value in stream:
                    seen.append(value)  # noqa: PERF401

            async with running(app):
                await until(lambda round_=round_: len(seen) == round_ + 1)
                generations.append(app.consumer_generation_id)
        assert seen == [b"0", b"1"]
        assert len(set(generations)) == 1
