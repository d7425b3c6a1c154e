"""What every transport promises of packed topics."""

from __future__ import annotations

import asyncio
from typing import Any

from app.transports import TopicPlan
from tests.transports.harness import Backend, RawSchema, running, until, values_of
from tests.transports.on_backend import COMMITS, OnBackend


class ChunkContract(OnBackend):
    """A chunk is one event."""

    async def test_a_packed_topic_delivers_chunks(self, backend: Backend) -> None:
        topic = backend.name("packed")
        await backend.create(topic, 2)
        values = [b"%d" % n for n in range(250)]
        await backend.send(topic, 1, *values, key=b"k")
        app = self.app(backend, topic_plans={topic: TopicPlan(packed=True, max_records=40)})
        chunks: list[Any] = []

        @app.agent(app.topic(topic, schema=RawSchema()))
        async def work(stream: Any) -> None:
            async for event in stream.events():
                assert event.message.offset == event.value[-1].offset
                chunks.append(event.value)

        async with running(app):
            await until(lambda: len(values_of(chunks)) >= 250)
            await self.committed(backend, app, topic, 250, partition=1)
        assert values_of(chunks) == values
        assert max(map(len, chunks)) <= 40
        first = chunks[0][0]
        assert (first.topic, first.partition, first.offset, first.key) == (topic, 1, 0, b"k")
        assert 1.6e9 < first.timestamp < 1e10

    async def test_a_chunk_is_acknowledged_whole_and_can_be_released(
        self, backend: Backend
    ) -> None:
        topic = backend.name("chunk")
        await backend.create(topic, 1)
        await backend.send(topic, 0, *[b"%d" % n for n in range(30)])
        app = self.app(backend, topic_plans={topic: TopicPlan(packed=True, max_records=10)})
        chunks: list[Any] = []
        ready: list[bool] = []

        @app.agent(app.topic(topic, schema=RawSchema()))
        async def work(stream: Any) -> None:
            async for event in stream.events():
                chunks.append(event.value)
                if event.value[0].offset == 10 and not ready:
                    app.consumer.release(event, after_seconds=0.1)

        async with running(app):
            await until(lambda: [c[0].offset for c in chunks].count(10) >= 3)
            await self.committed(backend, app, topic, 10)
            await asyncio.sleep(COMMITS)
            assert (await backend.committed(app.conf.id))[topic, 0] == 10
            ready.append(True)
            await self.committed(backend, app, topic, 30)
        assert sorted({c[0].offset for c in chunks}) == [0, 10, 20]
