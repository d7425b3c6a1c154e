"""What every transport promises. Inherited by one test class for each of them."""
# ruff: noqa: PERF401 - an agent is a loop over a stream, whatever its body

from __future__ import annotations

import asyncio
from typing import Any

import faust
from faust.types import TP

from app.transports import StreamApp
from tests.transports.contract_chunks import ChunkContract
from tests.transports.contract_commits import CommitContract
from tests.transports.contract_delivery import DeliveryContract
from tests.transports.contract_release import ReleaseContract
from tests.transports.harness import Backend, RawSchema, running, until
from tests.transports.on_backend import COMMITS


class TransportContract(DeliveryContract, CommitContract, ReleaseContract, ChunkContract):
    """All of it. A subclass supplies the fixture `backend`."""

    async def test_a_table_comes_back_from_its_changelog(self, backend: Backend) -> None:
        topic = backend.name("counted")
        await backend.create(topic, 2)
        processed: list[str] = []

        def counter() -> tuple[StreamApp, faust.Table]:
            app = self.app(backend)
            table = app.Table("counts", default=int, partitions=2)

            @app.agent(app.topic(topic, key_type=str, value_type=int))
            async def count(stream: Any) -> None:
                async for key, value in stream.items():
                    table[key] = table[key] + value
                    processed.append(key)

            return app, table

        app, _ = counter()
        channel = app.topic(topic, key_type=str, value_type=int)
        async with running(app):
            for n in range(40):
                await (await channel.send(key=f"k{n % 7}", value=1))
            await until(lambda: len(processed) == 40)
        app, table = counter()
        async with running(app):
            await until(lambda: sum(table.values()) == 40)
            assert table["k0"] == 6
            await asyncio.sleep(COMMITS)
        assert len(processed) == 40

    # -- self-check

    async def test_a_driver_that_was_moved_to_the_end_is_moved_back(self, backend: Backend) -> None:
        """Nothing comes from there that would show it: the rest of the log would wait for ever."""
        topic = backend.name("moved")
        await backend.create(topic, 1)
        await backend.send(topic, 0, *[b"%d" % n for n in range(10)])
        app, seen = self.app(backend), []

        @app.agent(app.topic(topic, schema=RawSchema()))
        async def read(stream: Any) -> None:
            async for value in stream:
                seen.append(value)

        tp = TP(topic, 0)
        async with running(app):
            app.consumer.search_seconds = 0.3
            await until(lambda: len(seen) == 10)
            app.consumer.pause_partitions({tp})
            await backend.send(topic, 0, *[b"%d" % n for n in range(10, 20)])
            await app.consumer._driver_seek({tp: 20})
            app.consumer.resume_partitions({tp})
            await until(lambda: len(seen) == 20)
        assert seen == [b"%d" % n for n in range(20)]

    async def test_a_full_queue_that_was_emptied_fills_again(self, backend: Backend) -> None:
        """Its reader waited already when it was emptied, so nobody told that there is room."""
        topic = backend.name("emptied")
        await backend.create(topic, 1)
        app, seen = self.app(backend), []

        @app.agent(app.topic(topic, schema=RawSchema()))
        async def read(stream: Any) -> None:
            async for value in stream:
                seen.append(value)

        async with running(app):
            app.consumer.on_buffer_full(TP(topic, 0))
            app.consumer.stop_flow()
            app.flow_control.suspend()
            app.flow_control.clear()
            app.flow_control.resume()
            app.consumer.resume_flow()
            for n in range(2):  # a fetch that began before may still bring the first one
                await backend.send(topic, 0, b"%d" % n)
                await until(lambda n=n: len(seen) == n + 1)

    async def test_a_head_that_nobody_works_on_is_reported(self, backend: Backend) -> None:
        topic = backend.name("stuck")
        await backend.create(topic, 1)
        await backend.send(topic, 0, b"0", b"1")
        app, held = self.app(backend, stream_wait_empty=False), []

        @app.agent(app.topic(topic, schema=RawSchema()))
        async def work(stream: Any) -> None:
            async for event in stream.noack().events():
                held.append(event)

        async with running(app):
            await until(lambda: len(held) == 2)
            found = await until(lambda: app.consumer.stuck(0.3))
            assert [(stuck.offset, stuck.why) for stuck in found.values()] == [(0, "held")]
            for event in held:
                event.ack()
            await until(lambda: not app.consumer.stuck(0.3))
