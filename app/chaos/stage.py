"""The stage of one run: workers, model, client and clock, and what is noted about them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

from app.chaos.client import Client
from app.chaos.cluster import Cluster, Worker, is_ready
from app.chaos.database import Database
from app.chaos.model import FakeModel
from app.chaos.outside import Outside
from app.chaos.scenario import Options, Scenario
from app.chaos.servers import ServerMissing
from app.chaos.timeline import Timeline
from app.inspection.opening import open_reader
from app.settings import load_settings
from app.topics import TopicNames, topic_names

PARTITIONS = 6
CONCURRENCY = 4


class Stage:
    """Everything that a scenario's faults may touch. Constructing starts nothing."""

    def __init__(
        self, scenario: Scenario, outside: Outside, options: Options, folder: Path, run: str
    ) -> None:
        self.scenario = scenario
        self.outside = outside
        self.options = options
        self.folder = folder
        self.name = run
        self.random = Random(f"{options.seed}-{scenario.name}")
        self.figures: dict[str, Any] = {}
        self.notes: list[str] = []
        self.fault_log: list[dict[str, Any]] = []
        self.database = Database("")
        self.cluster = Cluster(folder, {})
        self.model = FakeModel(folder, scenario.latency_seconds)
        self.client = Client(run, folder, self._addresses, self.random, scenario.patience_seconds)
        self.timeline = Timeline("", None, lambda: 0)
        self.ended_on_purpose: set[str] = set()

    @property
    def prefix(self) -> str:
        return f"{self.name}."

    @property
    def group(self) -> str:
        return f"{self.name}-questions"

    @property
    def topics(self) -> TopicNames:
        """Names of the topics of this run."""
        return topic_names(load_settings(topic_prefix=self.prefix))

    @property
    def embedded(self) -> bool:
        return self.options.broker == "log"

    @property
    def workers_wanted(self) -> int:
        return 1 if self.embedded else self.options.workers or self.scenario.workers

    async def open(self) -> None:
        """Make the database, start the model. Raises ServerMissing."""
        if self.scenario.needs_kafka and self.embedded:
            raise ServerMissing("this scenario is about Kafka: --broker kafka")
        self._find_servers()
        self.database = Database(await self.outside.new_database())
        self.model.start()
        self.cluster.settings.update(self._settings())
        self.timeline = Timeline(
            self.database.dsn, self.model, lambda: len(self.client.traffic.accepted)
        )

    def _find_servers(self) -> None:
        """Start first what may be missing here: a scenario that can't be run is told so soon."""
        if not self.embedded and self.scenario.perform is None:
            _ = self.outside.kafka_address
        if self.scenario.redis:
            _ = self.outside.redis

    def _settings(self) -> dict[str, str]:
        own = self.embedded or self.scenario.perform is not None
        broker = "log:" if own else f"kafka://{self.outside.kafka_address}"
        return {
            "PIPELINES": "questions",
            "BROKER": broker,
            "DATABASE": self.database.dsn,
            "CACHE": self.outside.redis.url if self.scenario.redis else "memory:",
            "LLM": f"ollama://{self.model.host}",
            "LLM_MODEL": "smol",
            "LLM_CONCURRENCY": str(CONCURRENCY),
            "SCORER": "memory:",
            "MAX_GENERATIONS": "2",
            "APP_ID": self.name,
            "TOPIC_PREFIX": self.prefix,
            "PARTITIONS": str(PARTITIONS),
            "OVERLOAD_BASE_SECONDS": "1",
            **self.scenario.settings,
        }

    def close(self) -> None:
        """End every process of this run, whatever became of it."""
        self.client.close()
        self.cluster.close()
        self.model.kill()

    def start_worker(self) -> Worker:
        """Start one more worker; with the embedded log it continues where the last one ended."""
        if self.embedded:
            return self.cluster.start_worker(DATA_DIR=str(self.folder / "data"))
        return self.cluster.start_worker()

    async def start_workers(self) -> None:
        """Start them all and wait until each takes work."""
        for _ in range(self.workers_wanted):
            self.start_worker()
        await asyncio.gather(*(self.cluster.ready(worker) for worker in self.cluster.workers))

    def any_worker(self) -> Worker:
        """Return a random live worker."""
        return self.random.choice(self.cluster.alive)

    def kill_worker(self, worker: Worker) -> None:
        """SIGKILL, noted."""
        self.ended_on_purpose.add(worker.name)
        with self.fault(f"SIGKILL {worker.name}"):
            worker.kill()

    async def stop_worker(self, worker: Worker, seconds: float = 60.0) -> tuple[int, float]:
        """SIGTERM, noted; return the exit code and how long the stop took."""
        self.ended_on_purpose.add(worker.name)
        started = time.monotonic()
        with self.fault(f"SIGTERM {worker.name}"):
            code = await asyncio.to_thread(worker.stop, seconds)
        return code, time.monotonic() - started

    @contextmanager
    def fault(self, name: str) -> Iterator[None]:
        """Note that something is broken from now until the block ends."""
        entry = {"name": name, "from": round(self.timeline.now(), 2), "to": None}
        self.fault_log.append(entry)
        try:
            yield
        finally:
            entry["to"] = round(self.timeline.now(), 2)

    async def all_ready(self, seconds: float = 90.0) -> None:
        """Wait until every live worker takes work."""
        async with asyncio.timeout(seconds):
            for worker in self.cluster.alive:
                while worker.alive and not await is_ready(worker):
                    await asyncio.sleep(0.1)

    async def all_read(self, seconds: float = 60.0) -> bool:
        """Wait until the group has read every message, within a time; tell whether it has."""
        reader = open_reader(self.broker_for_readers)
        deadline = time.monotonic() + seconds
        try:
            while await reader.lag(self.group, self.topics):
                if time.monotonic() > deadline:
                    return False
                await asyncio.sleep(0.5)
        finally:
            await reader.close()
        return True

    @property
    def broker_for_readers(self) -> str:
        if self.embedded or self.scenario.perform is not None:
            return str(self.folder / "data" / "log")
        return f"kafka://{self.outside.kafka_address}"

    @property
    def crashed(self) -> list[str]:
        """Names of workers that ended though nobody ended them."""
        return [
            worker.name
            for worker in self.cluster.workers
            if not worker.alive and worker.name not in self.ended_on_purpose
        ]

    def _addresses(self) -> list[str]:
        return [worker.url for worker in self.cluster.alive]
