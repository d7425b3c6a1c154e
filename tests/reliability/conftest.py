"""A Kafka broker for the rebalance stress, and servers of their own for those that break them."""

from __future__ import annotations

import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.chaos.outside import Outside
from app.chaos.play import play
from app.chaos.scenario import Options
from app.chaos.scenarios import SCENARIOS
from tests.servers import require
from tests.servers.kafka import KafkaServer, libraries, shared_kafka

Play = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> KafkaServer:
    return require(lambda: shared_kafka(tmp_path_factory.mktemp("kafka")))


@pytest.fixture(scope="session")
def chaos_servers() -> Iterator[Outside]:
    """One Kafka and one PostgreSQL to be broken; each scenario takes topics and a database anew."""
    with tempfile.TemporaryDirectory(prefix="answerloop-chaos-") as folder:
        Path(folder).chmod(0o711)  # as root, the database's own user must get through
        servers = Outside(Path(folder), require(libraries), None)
        try:
            require(lambda: (servers.kafka, servers.postgres))
            yield servers
        finally:
            servers.close()


@pytest.fixture
def play_scenario(chaos_servers: Outside) -> Iterator[Play]:
    """Play a scenario by its name, once; it fails with the checks that did not hold."""
    with tempfile.TemporaryDirectory(prefix="answerloop-chaos-run-") as folder:
        Path(folder).chmod(0o711)

        async def run(name: str, **options: Any) -> dict[str, Any]:
            result = await play(SCENARIOS[name], chaos_servers, Options(**options), Path(folder))
            if result["verdict"] != "passed":
                broken = [check for check in result["checks"] if not check["passed"]]
                told = [result.get("reason"), *broken, *result["notes"]]
                told += [result[key] for key in ("figures", "audit", "faults")]
                pytest.fail("\n".join(str(each) for each in told))
            return {**result, "audit_file": _audit_file(Path(folder), name)}

        yield run


def _audit_file(folder: Path, name: str) -> Path:
    """What the auditor of a scenario was told to look at."""
    [found] = folder.glob(f"{name}-*/audit.json")
    return found
