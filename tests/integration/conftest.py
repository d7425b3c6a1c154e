"""Real Kafka, PostgreSQL and Redis for the pipeline as a whole, each started once for the run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from app.fake_llm import FakeModelServer
from tests.integration.cluster import Cluster
from tests.servers.kafka import KafkaServer


@pytest.fixture
async def model_server() -> AsyncIterator[FakeModelServer]:
    """A scripted model server in the test's own loop."""
    server = FakeModelServer(answer=lambda question: "An answer")
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
def make_cluster(
    kafka: KafkaServer, postgres_dsn: str, redis_url: str, tmp_path: Path
) -> Iterator[Callable[..., Cluster]]:
    """Return a maker of clusters with topics and a group of their own."""
    made: list[Cluster] = []

    def make(model: FakeModelServer, **settings: str) -> Cluster:
        name = f"t{uuid4().hex[:8]}"
        cluster = Cluster(
            tmp_path,
            {
                "PIPELINES": "questions",
                "BROKER": f"kafka://{kafka.bootstrap}",
                "DATABASE": postgres_dsn,
                "CACHE": redis_url,
                "LLM": f"ollama://{model.host}",
                "LLM_MODEL": "smol",
                "SCORER": "memory:",
                "APP_ID": name,
                "TOPIC_PREFIX": f"{name}.",
                "PARTITIONS": "4",
                "OVERLOAD_BASE_SECONDS": "0.2",
                "QUOTA_DELAY_SECONDS": "1",
                "COMMIT_INTERVAL_SECONDS": "0.2",
                **settings,
            },
        )
        made.append(cluster)
        return cluster

    yield make
    for cluster in made:
        cluster.close()
