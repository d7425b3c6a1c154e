"""What every transport promises. Inherited by one test class for each of them."""
# ruff: noqa: PERF401 - an agent is a loop over a stream, whatever its body

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import faust
import pytest
from faust.exceptions import ProducerSendError
from faust.types import TP

from app.transports import StreamApp, TopicPlan
from tests.transports.harness import Backend, RawSchema, make_app, running, until, values_of

COMMITS = 0.5
"""Seconds: several commit intervals of `make_app`."""


class TransportContract:
    """A subclass supplies the fixture `backend`."""

    @pytest.fixture
    def backend(self) -> Backend:
        raise NotImplementedError

    def app(self, backend: Backend, **options: Any) -> StreamApp:
        return make_app(backend, backend.name("group"), **options)

    # -- order and delivery

    async def test_a_partition_arrives_in_order(self, backend: Backend) -> None:
        topic = backend.name("orders")
        await backend.create(topic, 2)
        sent = {p: [b"%d-%d" % (p, n) for n in range(300)] for p in (0, 1)}
        for partition, values in sent.items():
            await backend.send(topic, partition, *values)
        app, seen = self.app(backend), {0: [], 1: []}

        @app.agent(app.topic(topic, schema=RawSchema()))
        async def read(stream: Any) -> None:
            async for event in stream.events():
                seen[event.message.partition].append(event.value)

        async with running(app):
            await until(lambda: sum(map(len, seen.values())) >= 600)
        assert seen == sent

    async def test_what_is_sent_while_it_runs_arrives(self, backend: Backend) -> None:
        topic = backend.name("live")
        await backend.create(topic, 2)
        app, seen = self.app(backend), []
        channel = app.topic(topic, schema=RawSchema(), key_serializer="raw", value_serializer="raw")

        @app.agent(channel)
        async def read(stream: Any) -> None:
            async for event in stream.events():
                seen.append((event.key, event.value, event.message.offset))

        async with running(app):
            for n in range(20):
                place = await (await channel.send(key=b"k%d" % n, value=b"%d" % n))
                assert place.topic == topic
                assert place.topic_partition == (topic, place.partition)
            await until(lambda: len(seen) >= 20)
        assert sorted(seen)[0][:2] == (b"k0", b"0")
        assert len(set(seen)) == 20

    async def test_odd_values_pass_through_raw(self, backend: Backend) -> None:
        topic = backend.name("odd")
        await backend.create(topic, 1)
        odd = [b"{", None, b"", b"\xff\xfe", b"[" * 50_000, b"good"]
        await backend.send(topic, 0, *odd, key=b"\xff")
        app, seen = self.app(backend), []

        @app.agent(app.topic(topic, schema=RawSchema()))
        async def read(stream: Any) -> None:
            async for event in stream.events():
                seen.append((event.message.key, event.message.value))

        async with running(app):
            await until(lambda: len(seen) >= len(odd))
        assert seen == [(b"\xff", value) for value in odd]

    async def test_two_groups_each_get_everything(self, backend: Backend) -> None:
        topic = backend.name("shared")
        await backend.create(topic, 2)
        seen: dict[str, list[bytes]] = {"one": [], "two": []}

        def reader(name: str) -> StreamApp:
            app = make_app(backend, backend.name(name))

            @app.agent(app.topic(topic, schema=RawSchema()))
            async def read(stream: Any) -> None:
                async for value in stream:
                    seen[name].append(value)

            return app

        async with running(reader("one")), running(reader("two")):
            await backend.send(topic, 0, *[b"%d" % n for n in range(50)])
            await until(lambda: all(len(values) >= 50 for values in seen.values()))
        assert seen["one"] == seen["two"] == [b"%d" % n for n in range(50)]

    async def test_a_restart_repeats_nothing_that_was_acknowledged(self, backend: Backend) -> None:
        topic = backend.name("restart")
        await backend.create(topic, 1)
        seen: list[bytes] = []

        def reader() -> StreamApp:
            app = self.app(backend)

            @app.agent(app.topic(topic, schema=RawSchema()), concurrency=3)
            async def read(stream: Any) -> None:
                async for value in stream:
                    seen.append(value)

            return app

        await backend.send(topic, 0, *[b"a%d" % n for n in range(30)])
        async with running(reader()):
            await until(lambda: len(seen) >= 30)
        await backend.send(topic, 0, b"last")
        async with running(reader()):
            await until(lambda: b"last" in seen)
        assert len(seen) == 31

    async def test_a_message_that_is_too_large_is_refused(self, backend: Backend) -> None:
        topic = backend.name("large")
        await backend.create(topic, 1)
        app = self.app(backend)
        channel = app.topic(topic, value_serializer="raw")

        @app.agent(app.topic(topic, schema=RawSchema()))
        async def read(stream: Any) -> None:
            async for _ in stream:
                pass

        async with running(app):
            with pytest.raises(ProducerSendError):
                await (await channel.send(value=b"x" * 1_100_000))

    # -- commit (faust #606 and its like)

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

    # -- release and draining

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

    # -- packed topics

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

    # -- tables

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

    # -- tools

    async def committed(
        self, backend: Backend, app: StreamApp, topic: str, offset: int, partition: int = 0
    ) -> None:
        """Wait until the group has committed exactly `offset`."""

        async def reached() -> bool:
            return (await backend.committed(app.conf.id)).get((topic, partition)) == offset

        await until(reached)
