"""What every transport promises of order and delivery."""
# ruff: noqa: PERF401 - an agent is a loop over a stream, whatever its body

from __future__ import annotations

from typing import Any

import pytest
from faust.exceptions import ProducerSendError

from app.transports import StreamApp
from tests.transports.harness import Backend, RawSchema, make_app, running, until
from tests.transports.on_backend import OnBackend


class DeliveryContract(OnBackend):
    """Order, raw bytes, groups, restarts, sizes."""

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
