"""The embedded log on disk: what was acknowledged is there after a restart, a kill, a full disk."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import faust
import pytest

from app.transports import (
    LogError,
    LogInUse,
    NewRecord,
    StreamApp,
    close_storage,
    log_url,
    storage_for,
)
from app.transports.embedded import upkeep
from app.transports.embedded.layout import FILE_NAME
from app.transports.embedded.reader import open_readonly
from app.transports.embedded.sqlite import SqliteStorage
from tests.transports.harness import TP, fill


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

    async def test_a_full_disk_keeps_old_messages_and_the_worker(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What would make room must not end the worker when there is none, nor forbid a start."""
        from app.transports.embedded import consumer
        from tests.transports.harness import EmbeddedBackend, make_app, running, until

        tried: list[object] = []

        def full(*_: object, **options: object) -> int:
            tried.append(options)
            raise sqlite3.OperationalError("database or disk is full")

        monkeypatch.setattr(consumer, "EXPIRE_SECONDS", 0.02)
        monkeypatch.setattr(upkeep, "expire", full)
        monkeypatch.setattr(upkeep, "compact", full)
        storage = SqliteStorage(tmp_path)
        storage.create_topic("t", 1, {"retention.ms": "1000"})
        storage.create_topic("c", 1, {"cleanup.policy": "compact"})
        storage.close()
        backend = EmbeddedBackend(log_url(tmp_path))
        app = make_app(backend, "g")
        async with running(app):
            await until(lambda: len(tried) > 3)
            assert not app.crashed
            await backend.send("t", 0, b"still written")

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
