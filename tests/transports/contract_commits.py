"""What every transport promises of acknowledgements and commits."""
# ruff: noqa: PERF401 - an agent is a loop over a stream, whatever its body

from __future__ import annotations

import asyncio
from typing import Any

from tests.transports.harness import Backend, RawSchema, running, until
from tests.transports.on_backend import COMMITS, OnBackend


class CommitContract(OnBackend):
    """Nothing is committed before all of it is acknowledged (faust #606 and its like)."""

    async def test_a_slow_head_holds_back_the_commit(self, backend: Backend) -> None:
        topic = backend.name("slow")
        await backend.create(topic, 1)
        await backend.send(topic, 0, *[b"%d" % n for n in range(4)])
        app, done, go = self.app(backend), [], asyncio.Event()

        @app.agent(app.topic(topic, schema=RawSchema()), concurrency=2)
        async def work(stream: Any) -> None:
            async for value in stream:
                if value == b"0":
                    await go.wait()
                done.append(value)

        async with running(app):
            await until(lambda: len(done) == 3)
            await asyncio.sleep(COMMITS)
            assert (await backend.committed(app.conf.id)).get((topic, 0), 0) == 0
            assert app.consumer.in_flight() >= 1
            assert max(app.consumer.lag().values()) == 4
            go.set()
            await self.committed(backend, app, topic, 4)

    async def test_an_event_that_is_never_acknowledged_holds_back_the_commit(
        self, backend: Backend
    ) -> None:
        topic = backend.name("noack")
        await backend.create(topic, 1)
        await backend.send(topic, 0, *[b"%d" % n for n in range(10)])
        app, held = self.app(backend, stream_wait_empty=False), []

        @app.agent(app.topic(topic, schema=RawSchema()))
        async def work(stream: Any) -> None:
            async for event in stream.noack().events():
                held.append(event)
                if event.value != b"3":
                    event.ack()

        async with running(app):
            await until(lambda: len(held) == 10)
            await self.committed(backend, app, topic, 3)
            await asyncio.sleep(COMMITS)
            assert (await backend.committed(app.conf.id))[topic, 0] == 3
            assert app.consumer.processing() == 1
            held[3].ack()
            await self.committed(backend, app, topic, 10)

    async def test_a_commit_waits_for_the_changelog(self, backend: Backend) -> None:
        topic = backend.name("stalled")
        await backend.create(topic, 2)
        await backend.send(topic, 0, b"v", key=b'"k"')
        app, done, go = self.app(backend), [], asyncio.Event()
        table = app.Table("counts", default=int, partitions=2)

        @app.agent(app.topic(topic, schema=RawSchema()))
        async def work(stream: Any) -> None:
            async for value in stream:
                table["k"] += 1
                done.append(value)

        async with running(app):
            send = app.producer.send

            async def stalled(name: str, *args: Any, **kwargs: Any) -> Any:
                if name.endswith("-changelog"):
                    await go.wait()
                return await send(name, *args, **kwargs)

            app.producer.send = stalled
            if not done:
                await until(lambda: done)
            else:  # it was processed before the stall: send another
                await backend.send(topic, 0, b"w", key=b'"k"')
                await until(lambda: len(done) == 2)
            await asyncio.sleep(COMMITS)
            assert (await backend.committed(app.conf.id)).get((topic, 0), 0) < len(done)
            go.set()
            await self.committed(backend, app, topic, len(done))

    async def test_two_agents_on_a_topic_must_both_acknowledge(self, backend: Backend) -> None:
        topic = backend.name("twice")
        await backend.create(topic, 1)
        await backend.send(topic, 0, *[b"%d" % n for n in range(5)])
        app, quick, slow, go = self.app(backend), [], [], asyncio.Event()
        channel = app.topic(topic, schema=RawSchema())

        @app.agent(channel, name="quick")
        async def one(stream: Any) -> None:
            async for event in stream.events():
                quick.append(event.value)

        @app.agent(channel, name="slow")
        async def other(stream: Any) -> None:
            async for event in stream.events():
                await go.wait()
                if event.value == b"2" and slow.count(b"2") == 0:
                    app.consumer.release(event, after_seconds=0.1)
                slow.append(event.value)

        async with running(app):
            await until(lambda: len(quick) == 5)
            await asyncio.sleep(COMMITS)
            assert (await backend.committed(app.conf.id)).get((topic, 0), 0) == 0
            go.set()
            await self.committed(backend, app, topic, 5)
        assert slow.count(b"2") == quick.count(b"2") == 2  # it came back to both

    async def test_a_stop_does_not_wait_for_what_one_of_two_agents_lost(
        self, backend: Backend
    ) -> None:
        topic = backend.name("shared")
        await backend.create(topic, 1)
        await backend.send(topic, 0, *[b"%d" % n for n in range(5)])
        app, quick, go = self.app(backend), [], asyncio.Event()
        channel = app.topic(topic, schema=RawSchema())

        @app.agent(channel, name="quick")
        async def one(stream: Any) -> None:
            async for event in stream.events():
                quick.append(event.value)

        @app.agent(channel, name="slow")
        async def other(stream: Any) -> None:
            async for _ in stream.events():
                await go.wait()

        async with running(app):
            await until(lambda: len(quick) == 5)
            asyncio.get_running_loop().call_later(0.2, go.set)
            async with asyncio.timeout(10):
                await app.stop()
        assert (await backend.committed(app.conf.id)).get((topic, 0), 0) == 1

    async def test_a_slow_agent_does_not_stall_another_topic(self, backend: Backend) -> None:
        flooded, idle = backend.name("flooded"), backend.name("idle")
        for topic in (flooded, idle):
            await backend.create(topic, 2)
        for partition in (0, 1):
            await backend.send(flooded, partition, *[b"%d" % n for n in range(1000)])
        app = self.app(backend, stream_buffer_maxsize=100)
        go, slow, quick = asyncio.Event(), [], []

        @app.agent(app.topic(flooded, schema=RawSchema()))
        async def wait(stream: Any) -> None:
            async for value in stream:
                await go.wait()
                slow.append(value)

        @app.agent(app.topic(idle, schema=RawSchema()))
        async def read(stream: Any) -> None:
            async for value in stream:
                quick.append(value)

        async with running(app):
            await asyncio.sleep(COMMITS)  # the flooded queue fills up
            try:
                for n in range(10):
                    await backend.send(idle, n % 2, b"%d" % n)
                    await until(lambda n=n: len(quick) == n + 1, 5)
                assert not slow
            finally:
                go.set()
            await until(lambda: len(slow) == 2000)
