"""Workers join, leave and are killed at random while messages flow: none may be lost.

On Faust's own consumer this test fails within a few steps (see docs/transports.md).
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tests.reliability.rebalance_worker import PARTITIONS, TESTIFY
from tests.servers.kafka import KafkaServer

ROOT = Path(__file__).resolve().parents[2]
MAX_WORKERS = 3
DRAIN_SECONDS = 90
TOLD_LINES = 400
"""How much of a worker's log a failure shows: its tasks, and what came before."""
SOURCES = ("questions", "answers", "batches")


class Flock:
    """The worker processes; every one of them ends with the test."""

    def __init__(self, options: dict[str, object], folder: Path) -> None:
        self._options = options
        self._folder = folder
        self._started = 0
        self._ready: dict[int, Path] = {}
        self.alive: list[asyncio.subprocess.Process] = []

    async def join(self) -> None:
        self._started += 1
        ready = self._folder / f"worker-{self._started}.ready"
        options = {**self._options, "seed": self._started, "ready": str(ready)}
        command = [sys.executable, "-m", "tests.reliability.rebalance_worker", json.dumps(options)]
        environment = {**os.environ, "APP_DATADIR": str(ready.with_suffix(".data"))}
        with ready.with_suffix(".log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                *command, cwd=ROOT, env=environment, stdout=log, stderr=log
            )
        self._ready[process.pid] = ready
        self.alive.append(process)

    async def leave(self, process: asyncio.subprocess.Process) -> None:
        """SIGTERM: it finishes what it has begun, and goes with exit code 0."""
        ready = self._ready[process.pid]
        assert await until(ready.exists), f"no start: {ready.with_suffix('.log').read_text()}"
        self.alive.remove(process)
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 60) == 0

    async def die(self, process: asyncio.subprocess.Process) -> None:
        self.alive.remove(process)
        process.kill()
        await process.wait()

    async def testimony(self) -> str:
        """What became of the workers, where those stand that still run, and their last words."""
        for process in self.alive:
            if process.returncode is None and self._ready[process.pid].exists():
                process.send_signal(TESTIFY)
        await asyncio.sleep(3)  # their event loops need not be alive: wait for no answer
        return "\n".join(
            f"-- worker {process.pid}, exit code {process.returncode}:\n{self._last_words(process)}"
            for process in self.alive
        )

    def _last_words(self, process: asyncio.subprocess.Process) -> str:
        log = self._ready[process.pid].with_suffix(".log").read_text(errors="replace")
        noise = ("Unable connect", "Unable to update metadata", "Failed fetch messages")
        told = [line for line in log.splitlines() if not any(each in line for each in noise)]
        return "\n".join(told[-TOLD_LINES:])

    async def kill_all(self) -> None:
        for process in list(self.alive):
            if process.returncode is None:
                await self.die(process)


class Traffic:
    """Feeds numbered messages and notes which of them came out at the far end."""

    def __init__(self, prefix: str, bootstrap: str) -> None:
        self._prefix = prefix
        self._bootstrap = bootstrap
        self.fed = 0
        self.seen: Counter[int] = Counter()
        self.feeding = True

    @property
    def missing(self) -> set[int]:
        return set(range(self.fed)) - self.seen.keys()

    async def feed(self) -> None:
        """100 messages a second, half of them for the packed topic."""
        producer = AIOKafkaProducer(bootstrap_servers=self._bootstrap)
        await producer.start()
        try:
            while self.feeding:
                numbers = range(self.fed, self.fed + 10)
                await asyncio.gather(*[self._send(producer, n) for n in numbers])
                self.fed += 10
                await asyncio.sleep(0.1)
        finally:
            await producer.stop()

    async def _send(self, producer: AIOKafkaProducer, number: int) -> None:
        topic = f"{self._prefix}-{'batches' if number % 2 else 'questions'}"
        await producer.send_and_wait(topic, b"%d" % number, key=b"k%d" % (number % 97))

    async def collect(self) -> None:
        consumer = AIOKafkaConsumer(
            f"{self._prefix}-results",
            bootstrap_servers=self._bootstrap,
            auto_offset_reset="earliest",
        )
        await consumer.start()
        try:
            async for record in consumer:
                self.seen[int(record.value)] += 1
        finally:
            await consumer.stop()

    async def lag(self, admin: AIOKafkaAdminClient) -> dict[str, int]:
        """What the group has not committed of its source topics."""
        committed = await admin.list_consumer_group_offsets(self._prefix)
        consumer = AIOKafkaConsumer(bootstrap_servers=self._bootstrap)
        await consumer.start()
        try:
            tps = [
                TopicPartition(f"{self._prefix}-{stem}", partition)
                for stem in SOURCES
                for partition in range(PARTITIONS)
            ]
            ends = await consumer.end_offsets(tps)
        finally:
            await consumer.stop()
        return {
            f"{tp.topic}/{tp.partition}": end - committed[tp].offset if tp in committed else end
            for tp, end in ends.items()
            if end and (tp not in committed or committed[tp].offset < end)
        }


@asynccontextmanager
async def in_background(*tasks: asyncio.Task[None]) -> AsyncIterator[None]:
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def until(condition: Callable[[], object], seconds: float = DRAIN_SECONDS) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.1)
    return True


async def stress(
    broker: KafkaServer,
    folder: Path,
    *,
    seconds: float,
    commit_interval: float | None,
    seed: int,
    driver: str = "strict",
) -> str:
    """Run the churn; the returned line says what happened. Fails on the first loss."""
    prefix = f"stress-{uuid.uuid4().hex[:8]}"
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap)
    await admin.start()
    await admin.create_topics(
        [NewTopic(f"{prefix}-{stem}", PARTITIONS, 1) for stem in (*SOURCES, "results")]
    )
    options = {
        "bootstrap": broker.bootstrap,
        "prefix": prefix,
        "driver": driver,
        "commit_interval": commit_interval,
    }
    flock, traffic = Flock(options, folder), Traffic(prefix, broker.bootstrap)
    dice, steps = random.Random(seed), Counter[str]()
    feeder = asyncio.ensure_future(traffic.feed())
    collector = asyncio.ensure_future(traffic.collect())
    try:
        async with in_background(feeder, collector):
            await flock.join()
            await flock.join()
            deadline = time.monotonic() + seconds
            while time.monotonic() < deadline or not (steps["leave"] and steps["die"]):
                steps[await churn(flock, dice, steps)] += 1
                await asyncio.sleep(dice.uniform(0.5, 5))
                fed = traffic.fed
                lost_nothing = await until(lambda fed=fed: not traffic.missing & set(range(fed)))
                missing = sorted(traffic.missing & set(range(fed)))
                lost = f"after {dict(steps)}: {len(missing)} lost: {missing[:20]}"
                assert lost_nothing, f"{lost}\n{await flock.testimony()}"
            traffic.feeding = False
            await feeder
            lost_nothing = await until(lambda: not traffic.missing)
            lost = f"lost: {sorted(traffic.missing)[:20]}"
            assert lost_nothing, f"{lost}\n{await flock.testimony()}"
            lag = {"?": 1}
            drained_by = time.monotonic() + DRAIN_SECONDS
            while lag and time.monotonic() < drained_by:
                await asyncio.sleep(0.5)
                lag = await traffic.lag(admin)
            assert not lag, f"all came out, and yet not committed: {lag}"
            for process in list(flock.alive):
                await flock.leave(process)
    finally:
        await flock.kill_all()
        await admin.close()
    repeated = sum(traffic.seen.values()) - len(traffic.seen)
    return f"{traffic.fed} messages, {dict(steps)}, 0 lost, {repeated} repeated"


async def churn(flock: Flock, dice: random.Random, steps: Counter[str]) -> str:
    """One random event; the rarer kind first, so that a short run has all three."""
    if len(flock.alive) < 2 or (len(flock.alive) < MAX_WORKERS and dice.random() < 0.5):
        await flock.join()
        return "join"
    victim = dice.choice(flock.alive)
    if steps["die"] < steps["leave"] or (steps["die"] == steps["leave"] and dice.random() < 0.5):
        await flock.die(victim)
        return "die"
    await flock.leave(victim)
    return "leave"


@pytest.mark.kafka
@pytest.mark.timeout(400)
@pytest.mark.parametrize("commit_interval", [0.1, None], ids=["fast-commits", "default-commits"])
async def test_nothing_is_lost_in_rebalances(
    broker: KafkaServer, tmp_path: Path, commit_interval: float | None
) -> None:
    churn_seconds = 45
    report = await stress(
        broker, tmp_path, seconds=churn_seconds, commit_interval=commit_interval, seed=1
    )
    print(report)  # noqa: T201


@pytest.mark.long
@pytest.mark.kafka
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("commit_interval", [0.1, None], ids=["fast-commits", "default-commits"])
async def test_nothing_is_lost_in_a_long_churn(
    broker: KafkaServer, tmp_path: Path, commit_interval: float | None
) -> None:
    churn_seconds = 420
    report = await stress(
        broker, tmp_path, seconds=churn_seconds, commit_interval=commit_interval, seed=2
    )
    print(report)  # noqa: T201
