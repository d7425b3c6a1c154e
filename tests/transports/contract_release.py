"""What every transport promises of events that are given back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from app.transports import StreamApp
from tests.transports.harness import Backend, RawSchema, running, until
from tests.transports.on_backend import COMMITS, OnBackend


class ReleaseContract(OnBackend):
    """A released event comes again; a wait that races draining holds nothing up."""

    async def test_a_released_event_comes_again(self, backend: Backend) -> None:
        topic = backend.name("released")
        await backend.create(topic, 1)
        await backend.send(topic, 0, *[b"%d" % n for n in range(6)])
        app, seen, ready = self.app(backend), [], []

        @app.agent(app.topic(topic, schema=RawSchema()))
        async def work(stream: Any) -> None:
            async for event in stream.events():
                seen.append(event.value)
                if event.value == b"2" and not ready:
                    app.consumer.release(event, after_seconds=0.1)

        async with running(app):
            await until(lambda: seen.count(b"2") >= 3)
            await asyncio.sleep(COMMITS)
            assert (await backend.committed(app.conf.id)).get((topic, 0), 0) <= 2
            ready.append(True)
            await self.committed(backend, app, topic, 6)
        assert [value for value in seen if value != b"2"] == [b"0", b"1", b"3", b"4", b"5"]

    async def test_a_released_event_survives_a_restart(self, backend: Backend) -> None:
        topic = backend.name("given-back")
        await backend.create(topic, 1)
        await backend.send(topic, 0, *[b"%d" % n for n in range(4)])
        seen: list[bytes] = []

        def worker(*, willing: bool) -> StreamApp:
            app = self.app(backend)

            @app.agent(app.topic(topic, schema=RawSchema()), concurrency=2)
            async def work(stream: Any) -> None:
                async for event in stream.events():
                    if event.value == b"1" and not willing:
                        app.consumer.release(event, after_seconds=3600)
                    seen.append(event.value)

            return app

        first = worker(willing=False)
        async with running(first):
            await until(lambda: len(seen) >= 4)
        assert (await backend.committed(first.conf.id))[topic, 0] == 1
        seen.clear()
        second = worker(willing=True)
        async with running(second):
            await until(lambda: set(seen) >= {b"1", b"2", b"3"})
            await self.committed(backend, second, topic, 4)
        assert b"0" not in seen

    async def test_a_wait_that_races_draining_does_not_hold_up_the_stop(
        self, backend: Backend
    ) -> None:
        topic = backend.name("draining")
        await backend.create(topic, 1)
        await backend.send(topic, 0, *[b"%d" % n for n in range(8)])
        app, begun = self.app(backend), []

        @app.agent(app.topic(topic, schema=RawSchema()), concurrency=4)
        async def work(stream: Any) -> None:
            async for event in stream.events():
                begun.append(event.value)
                await app.consumer.draining.wait()
                app.consumer.release(event)

        async with running(app):
            assert not app.consumer.draining.is_set()
            await until(lambda: len(begun) == 4)
            stopping = asyncio.get_running_loop().time()
        assert asyncio.get_running_loop().time() - stopping < 10
        assert app.consumer.draining.is_set()
        assert (await backend.committed(app.conf.id)).get((topic, 0), 0) == 0

    async def test_a_wait_that_races_draining_does_not_hold_up_a_rebalance(
        self, backend: Backend
    ) -> None:
        topic = backend.name("reassigned")
        await backend.create(topic, 2)
        for partition in (0, 1):
            await backend.send(topic, partition, *[b"%d" % n for n in range(8)])
        begun: list[bytes] = []
        done: list[tuple[int, int]] = []
        ready = asyncio.Event()

        def worker() -> StreamApp:
            app = self.app(backend)

            @app.agent(app.topic(topic, schema=RawSchema()), concurrency=4)
            async def work(stream: Any) -> None:
                async for event in stream.events():
                    begun.append(event.value)
                    if ready.is_set():
                        done.append((event.message.partition, event.message.offset))
                    else:
                        await app.consumer.draining.wait()
                        app.consumer.release(event)

            return app

        app = worker()
        async with running(app):
            await until(lambda: len(begun) == 4)
            ready.set()  # for what comes after; those four wait for `draining`
            async with self.rebalanced(app, worker):
                await until(lambda: len(set(done)) == 16)
                assert not app.consumer.draining.is_set()
        assert len(done) == 16
        assert sum((await backend.committed(app.conf.id)).values()) == 16

    @asynccontextmanager
    async def rebalanced(
        self, app: StreamApp, another: Callable[[], StreamApp]
    ) -> AsyncIterator[None]:
        """Rebalance the group: where it has but one member, that gets its partitions anew."""
        await app.consumer.rebalance()
        await until(lambda: not app.rebalancing)
        yield
