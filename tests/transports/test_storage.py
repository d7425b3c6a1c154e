"""What both storages of the embedded log promise, and what only the durable one does."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import faust
import pytest
from aiokafka.partitioner import DefaultPartitioner

from app.transports import (
    NewRecord,
    Storage,
    StreamApp,
    close_storage,
    log_url,
    storage_for,
)
from app.transports.embedded import UnknownTopic
from tests.transports.harness import TP, fill


@pytest.fixture(params=["memory", "log"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Storage]:
    url = f"memory://{tmp_path.name}" if request.param == "memory" else log_url(tmp_path)
    yield storage_for(url)
    close_storage(url)


class TestBothStorages:
    async def test_offsets_count_up_and_reads_are_ranges(self, storage: Storage) -> None:
        storage.create_topic("t", 2)
        places = await asyncio.gather(
            *[
                storage.append(NewRecord("t", n % 2, b"k", b"%d" % n, 5.0, [("h", b"v")]))
                for n in range(10)
            ]
        )
        assert [(p.partition, p.offset) for p in places] == [(n % 2, n // 2) for n in range(10)]
        found = storage.read(("t", 1), 1, 3)
        assert [(r.offset, r.value) for r in found] == [(1, b"3"), (2, b"5"), (3, b"7")]
        assert (found[0].timestamp, list(found[0].headers)) == (5.0, [("h", b"v")])
        assert storage.read(("t", 1), 5, 3) == []
        assert (storage.start(("t", 1)), storage.end(("t", 1))) == (0, 5)

    async def test_a_topic_is_created_once(self, storage: Storage) -> None:
        storage.create_topic("t", 2, {"retention.ms": 5000})
        assert storage.create_topic("t", 9).partitions == 2
        assert storage.topics()["t"].retention_seconds == 5

    async def test_what_nobody_created_is_refused(self, storage: Storage) -> None:
        with pytest.raises(UnknownTopic):
            await storage.append(NewRecord("nobody", 0, None, b""))
        with pytest.raises(UnknownTopic):
            storage.partition_for("nobody", b"k")
        storage.create_topic("t", 1)
        with pytest.raises((UnknownTopic, ValueError)):
            await storage.append(NewRecord("t", 7, None, b""))

    async def test_groups_keep_their_offsets_apart(self, storage: Storage) -> None:
        storage.create_topic("t", 1)
        await storage.commit("one", {TP: 3})
        await storage.commit("two", {TP: 5})
        await storage.commit("one", {TP: 4})
        assert (storage.committed("one"), storage.committed("two")) == ({TP: 4}, {TP: 5})
        assert storage.committed("three") == {}
        assert storage.groups() == ["one", "two"]

    async def test_retention_drops_the_old_head_and_never_moves_the_end(
        self, storage: Storage
    ) -> None:
        storage.create_topic("t", 1, {"retention.ms": 60_000})
        await fill(storage, 4, age=100)
        await fill(storage, 3)
        assert storage.expire(time.time()) == 4
        assert (storage.start(TP), storage.end(TP)) == (4, 7)
        assert [r.offset for r in storage.read(TP, 0, 2)] == [4, 5]
        assert storage.expire(time.time() + 100) == 3
        assert (storage.start(TP), storage.end(TP)) == (7, 7)
        assert (await storage.append(NewRecord(*TP, None, b"next"))).offset == 7

    async def test_keys_go_where_kafka_puts_them(self, storage: Storage) -> None:
        storage.create_topic("t", 7)
        partitions = list(range(7))
        for n in range(200):
            key = b"key-%d" % n
            expected = DefaultPartitioner()(key, partitions, partitions)
            assert storage.partition_for("t", key) == expected
        assert {storage.partition_for("t", None) for _ in range(50)} == set(partitions)

    async def test_an_append_from_another_loop_wakes_listeners(self, storage: Storage) -> None:
        storage.create_topic("t", 1)
        heard = threading.Event()
        storage.add_listener(heard.set)
        thread = threading.Thread(target=lambda: asyncio.run(fill(storage, 3)))
        thread.start()
        thread.join()
        assert heard.is_set()
        assert storage.end(TP) == 3


class TestUrls:
    @pytest.mark.parametrize(
        "name", ["plain", "with space", "a,b;c", "100%", "a#b?c", "ünïcode", "a+b&c=d"]
    )
    def test_faust_keeps_a_folder_whole(self, tmp_path: Path, name: str) -> None:
        app = StreamApp("urls", broker=log_url(tmp_path / name))
        (url,) = app.conf.broker
        storage = storage_for(url)
        assert storage.folder == tmp_path / name
        assert storage_for(log_url(tmp_path / name)) is storage
        close_storage(url)

    def test_other_schemes_are_refused(self) -> None:
        with pytest.raises(ValueError, match="not an embedded log"):
            storage_for("kafka://host")

    def test_making_an_app_opens_nothing(self, tmp_path: Path) -> None:
        app = StreamApp("lazy", broker=log_url(tmp_path / "later"))

        @app.agent(app.topic("t"))
        async def read(stream: faust.Stream) -> None:
            async for _ in stream:
                pass

        assert app.topics is not None
        assert not (tmp_path / "later").exists()
