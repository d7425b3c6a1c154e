"""T3: the owner of a thousand waits is killed; its successor releases each once, none early."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

from app.broker import broker_url, log_folder
from app.chaos.cluster import Worker, worker_environment
from app.chaos.processes import free_ports, last_words, spawn
from app.fake_llm import FakeModelServer, Step
from app.settings import Settings, load_settings
from app.topics import RETENTION_MS, changelog_table, topic_names
from app.transports import RawRecord, close_storage, storage_for
from app.transports.embedded.reader import open_readonly
from models.questions import LlmFailure
from tests.integration.cluster import get, until
from tests.reliability.waits import failures, put

WAITS = 1000
#: Long enough for the first worker to hold all, to be killed, and for the second one to be up.
WAIT_SECONDS = 15.0
PARTITIONS = 8


async def test_t3_waits_outlive_a_killed_owner_and_fire_once(
    tmp_path: Path, postgres_dsn: str
) -> None:
    """Durable log, real database, SIGKILL while all of them wait."""
    settings = load_settings(broker="log:", data_dir=tmp_path / "data", partitions=PARTITIONS)
    failed = failures(WAITS, WAIT_SECONDS)
    await _put_on_log(settings, failed)
    server = FakeModelServer(answer=lambda question: "An answer")
    server.default = Step(text="An answer")
    await server.start()
    workers: list[Worker] = []
    try:
        workers.append(first := _start(tmp_path, server, postgres_dsn, "first"))
        await until(lambda: _figure(first, "retries_waiting", WAITS), 60)
        await until(lambda: _kept(settings), 10)
        first.kill()
        assert server.calls == [], "all of them waited"
        due = _due_times(settings)
        workers.append(second := _start(tmp_path, server, postgres_dsn, "second"))
        await until(lambda: _figure(second, "total_responses", WAITS), 60)
    finally:
        for worker in workers:
            worker.kill()
        await server.stop()
    called = Counter(call.question for call in server.calls)
    assert called == Counter(each.question_text for each in failed), "each fires once"
    at = {call.question: call.at for call in server.calls}
    early = [each for each in failed if at[each.question_text] < due[each.question_id]]
    assert early == []
    requests = Counter(raw.key for raw in _read(settings, topic_names(settings).llm_requests))
    assert set(requests.values()) == {1}


async def _put_on_log(settings: Settings, failed: list[LlmFailure]) -> None:
    topic, url = topic_names(settings).errors_overload, broker_url(settings)
    log = storage_for(url)
    log.create_topic(topic, PARTITIONS, {"retention.ms": str(RETENTION_MS)})
    await put(log, topic, failed)
    close_storage(url)


def _read(settings: Settings, topic: str) -> list[RawRecord]:
    reader = open_readonly(log_folder(settings))
    try:
        return [raw for p in range(PARTITIONS) for raw in reader.read((topic, p), 0, 100_000)]
    finally:
        reader.close()


def _due_times(settings: Settings) -> dict[str, float]:
    """Return what the table's changelog says of each question."""
    [changelog] = [each.name for each in changelog_table(settings) if "retries" in each.name]
    entries = _read(settings, changelog)
    return {json.loads(raw.key or b""): json.loads(raw.value or b"")["due_at"] for raw in entries}


async def _kept(settings: Settings) -> bool:
    """Tell whether every wait is in the changelog, or its failure would be handled anew."""
    return len(_due_times(settings)) == WAITS


async def _figure(worker: Worker, name: str, least: int) -> bool:
    assert worker.alive, last_words(worker.log)
    try:
        figures = await get(worker, "/metrics")
    except OSError:
        return False  # it does not listen yet
    return bool((figures.get(name) or 0) >= least)


def _start(folder: Path, server: FakeModelServer, database: str, name: str) -> Worker:
    [port] = free_ports(1)
    settings = {
        "BROKER": "log:",
        "DATABASE": database,
        "SCORER": "memory:",
        "PARTITIONS": str(PARTITIONS),
        "LLM": f"ollama://{server.host}",
        "LLM_MODEL": "smol",
        "LLM_CONCURRENCY": "64",
        "HTTP_PORT": str(port),
        "DATA_DIR": str(folder / "data"),
    }
    log = folder / f"{name}.log"
    command = [sys.executable, "-m", "app.cli.main", "worker"]
    process = spawn(command, log, environment=worker_environment(settings))
    return Worker(process, f"http://127.0.0.1:{port}", log, name)
