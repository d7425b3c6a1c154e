"""What both storages of the embedded log promise, and what only the durable one does."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import faust
import pytest
from aiokafka.partitioner import DefaultPartitioner

from app.transports import (
    LogError,
    LogInUse,
    NewRecord,
    Storage,
    StreamApp,
    close_storage,
    log_url,
    storage_for,
)
from app.transports.embedded import UnknownTopic, upkeep
from app.transports.embedded.layout import FILE_NAME
from app.transports.embedded.reader import open_readonly
from app.transports.embedded.sqlite import SqliteStorage

TP = ("t", 0)


@pytest.fixture(params=["memory", "log"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Storage]:
    url = f"memory://{tmp_path.name}" if request.param == "memory" else log_url(tmp_path)
    yield storage_for(url)
    close_storage(url)


async def fill(storage: Storage, count: int, *, key: bytes | None = None, age: float = 0) -> None:
    stamp = time.time() - age
    await asyncio.gather(
        *[storage.append(NewRecord(*TP, key, b"%d" % n, stamp)) for n in range(count)]
    )


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


class TestDurableLog:
    async def test_everything_is_there_after_opening_again(self, tmp_path: Path) -> None:
        first = SqliteStorage(tmp_path)
        first.create_topic("t", 1, {"cleanup.policy": "compact"})
        await fill(first, 50, key=b"k")
        await first.commit("g", {TP: 42})
        first.close()
        second = SqliteStorage(tmp_path)
        assert second.topics()["t"].compacted
        assert second.end(TP) == 50
        assert [r.value for r in second.read(TP, 48, 9)] == [b"48", b"49"]
        assert second.committed("g") == {TP: 42}
        second.close()

    def test_a_second_owner_is_told_who_has_it(self, tmp_path: Path) -> None:
        storage = SqliteStorage(tmp_path)
        code = f"""
            from pathlib import Path
            from app.transports import LogInUse
            from app.transports.embedded.sqlite import SqliteStorage
            try:
                SqliteStorage(Path({str(tmp_path)!r}))
            except LogInUse as error:
                print(error.pid)
        """
        assert int(_python(code)) == os.getpid()
        with pytest.raises(LogInUse):
            SqliteStorage(tmp_path)
        storage.close()
        SqliteStorage(tmp_path).close()

    async def test_other_processes_read_while_it_is_written(self, tmp_path: Path) -> None:
        with pytest.raises(LogError):
            open_readonly(tmp_path)
        storage = SqliteStorage(tmp_path)
        storage.create_topic("t", 1)
        await fill(storage, 3)
        await storage.commit("g", {TP: 2})
        code = f"""
            from pathlib import Path
            from app.transports.embedded.reader import open_readonly
            log = open_readonly(Path({str(tmp_path)!r}))
            tp = ("t", 0)
            value = log.read(tp, 1, 9)[0].value
            print(sorted(log.topics()), log.end(tp), value, log.committed("g")[tp])
        """
        assert _python(code) == "['t'] 3 b'1' 2"
        storage.close()

    async def test_compaction_keeps_the_latest_of_each_key(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(upkeep, "COMPACT_AFTER", 10)
        dice, latest = random.Random(7), {}
        storage = SqliteStorage(tmp_path)
        storage.create_topic("t", 1, {"cleanup.policy": "compact"})
        for n in range(300):
            key = b"%d" % dice.randrange(20)
            value = None if dice.random() < 0.2 else b"%d" % n
            latest[key] = value
            await storage.append(NewRecord(*TP, key, value))
        end, last = storage.end(TP), storage.read(TP, 299, 1)
        storage.expire(time.time())  # while others may be reading: tombstones stay
        assert {r.key: r.value for r in storage.read(TP, 0, 999)} == latest
        await fill(storage, 30, key=b"many")
        latest[b"many"] = b"29"
        storage.close()
        storage = SqliteStorage(tmp_path)  # nobody reads now: tombstones go
        kept = storage.read(TP, 0, 999)
        assert {r.key: r.value for r in kept} == {k: v for k, v in latest.items() if v is not None}
        assert len(kept) == len({r.key for r in kept})
        assert last[0].offset == end - 1
        assert storage.end(TP) == end + 30
        storage.close()

    async def test_a_table_recovers_from_a_compacted_changelog(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from tests.transports.harness import EmbeddedBackend, RawSchema, make_app, running, until

        monkeypatch.setattr(upkeep, "COMPACT_AFTER", 1)
        backend = EmbeddedBackend(log_url(tmp_path))
        await backend.create("t", 1)
        await backend.send("t", 0, *[b"%d" % (n % 5) for n in range(200)])

        def counter() -> tuple[StreamApp, faust.Table]:
            app = make_app(backend, "g", topic_partitions=1)
            table = app.Table("counts", default=int, partitions=1)

            @app.agent(app.topic("t", schema=RawSchema()))
            async def count(stream: faust.Stream) -> None:
                async for value in stream:
                    table[value.decode()] += 1

            return app, table

        for _ in range(3):
            app, table = counter()
            async with running(app):
                await until(lambda table=table: sum(table.values()) == 200)
            close_storage(backend.url)
        storage = storage_for(backend.url)
        assert len(storage.read(("g-counts-changelog", 0), 0, 999)) == 5
        close_storage(backend.url)

    async def test_a_full_disk_fails_the_send_and_not_the_log(self, tmp_path: Path) -> None:
        storage = SqliteStorage(tmp_path)
        storage.create_topic("t", 1)
        pages = storage._writer.call(lambda db: db.execute("PRAGMA page_count").fetchone()[0])
        storage._writing.execute(f"PRAGMA max_page_count = {pages + 5}")
        with pytest.raises(LogError):
            await storage.append(NewRecord(*TP, None, b"x" * 1_000_000))
        storage._writing.execute("PRAGMA max_page_count = 1000000")
        assert (await storage.append(NewRecord(*TP, None, b"y"))).offset == 0
        storage.close()

    def test_a_file_of_another_format_is_refused(self, tmp_path: Path) -> None:
        import sqlite3

        database = sqlite3.connect(tmp_path / FILE_NAME)
        database.execute("PRAGMA user_version = 99")
        database.close()
        with pytest.raises(LogError, match="format 99"):
            SqliteStorage(tmp_path)

    def test_what_was_acknowledged_outlives_a_kill(self, tmp_path: Path) -> None:
        """20 writers killed at random moments; offsets and commits they reported must be kept."""
        dice, ends = random.Random(11), {0: 0, 1: 0}
        for _ in range(20):
            reports = _killed_writer(tmp_path, after_seconds=dice.uniform(0, 0.1))
            ends |= dict(reports)
            storage = SqliteStorage(tmp_path)
            for partition, end in ends.items():
                tp = ("t", partition)
                assert storage.end(tp) >= end
                assert storage.committed("g").get(tp, 0) >= end
                kept = storage.read(tp, 0, 10**6)
                assert [r.offset for r in kept] == list(range(storage.end(tp)))
                assert [r.value for r in kept] == [b"%d" % (n % 5) for n in range(len(kept))]
            storage.close()
        assert min(ends.values()) > 20


def _killed_writer(folder: Path, after_seconds: float) -> list[tuple[int, int]]:
    """Fork a writer, kill it, and return the (partition, end) pairs that it had confirmed."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reading)
            asyncio.run(_write_and_report(folder, writing))
        finally:
            os._exit(1)
    os.close(writing)
    with os.fdopen(reading) as reports:
        first = reports.readline()  # it runs
        time.sleep(after_seconds)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        lines = [first, *reports.readlines()]
    whole = [line.split() for line in lines if line.endswith("\n")]
    assert whole, "the writer never confirmed anything"
    return [(int(partition), int(end)) for partition, end in whole]


async def _write_and_report(folder: Path, pipe: int) -> None:
    log = SqliteStorage(folder)
    log.create_topic("t", 2)

    async def write(partition: int) -> None:
        while True:
            burst = [NewRecord("t", partition, None, b"%d" % n) for n in range(5)]
            places = await asyncio.gather(*map(log.append, burst))
            end = places[-1].offset + 1
            await log.commit("g", {("t", partition): end})
            os.write(pipe, b"%d %d\n" % (partition, end))

    await asyncio.gather(write(0), write(1))


def _start(code: str) -> subprocess.Popen[str]:
    root = Path(__file__).parents[2]
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE, text=True, cwd=root
    )


def _python(code: str) -> str:
    process = _start(code)
    output, _ = process.communicate(timeout=60)
    return output.strip()
