"""`ratings report`: from database and topic to page and JSON, with a worker there or not."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from app.adapters.embedded_postgres.server import EmbeddedPostgres
from app.adapters.store.postgres.migrate import migrate
from app.adapters.store.postgres.ratings import PostgresRatingStore
from app.broker import log_folder
from app.cli.main import main
from app.opening import embedded_database_folder
from app.settings import load_settings
from app.transports import NewRecord, close_storage, log_url, storage_for
from app.wire.gate import WireGate
from models.ratings import StreamMetrics
from tests.adapters.store.rating_facts import FULL, changes, movie, recommendation
from tests.ratings.report_samples import START, message
from tests.servers.kafka import KafkaServer

SAVED = changes(
    next_offset=21,
    totals=FULL,
    movies=[movie(7, 2, 13), movie(8)],
    recommendations=[recommendation(1, ids=(7, 9)), recommendation(2, ids=(9,))],
)
GATE = WireGate(StreamMetrics)


class Cli:
    """The command in this process: its exit code, what it wrote."""

    def __init__(self, capfd: pytest.CaptureFixture[str]) -> None:
        self._capfd = capfd

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(["ratings", "report", *arguments])
        out, errors = self._capfd.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, out, errors


@pytest.fixture
def cli(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Cli]:
    monkeypatch.setenv("ANSWERLOOP_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("ANSWERLOOP_DATABASE", "memory:")
    monkeypatch.chdir(tmp_path)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield Cli(capfd)
    root.handlers[:] = handlers  # the command's own write to what is captured in this test
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture
def log(cli: Cli) -> None:
    """An embedded log with two workers' metrics, a message that is none, and five ratings."""

    async def fill() -> None:
        url = log_url(log_folder(load_settings()))
        storage = storage_for(url)
        storage.create_topic("metrics", 3)
        storage.create_topic("ratings", 6)
        values = [GATE.encode(message(name, at)) for at in (5, 10) for name in ("a", "b")]
        values.append(b'{"type": "something else"}')
        records = [NewRecord("metrics", n % 3, b"a", value) for n, value in enumerate(values)]
        records += [NewRecord("ratings", 2, b"1", b"{}") for _ in range(5)]
        await asyncio.gather(*(storage.append(record) for record in records))
        close_storage(url)

    asyncio.run(fill())


async def save(dsn: str) -> None:
    store = PostgresRatingStore(dsn)
    await store.save(SAVED)
    await store.close()


@pytest.fixture
def database(postgres_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANSWERLOOP_DATABASE", postgres_dsn)
    asyncio.run(save(postgres_dsn))


@pytest.mark.postgres
@pytest.mark.usefixtures("log", "database")
def test_json_tells_of_database_and_metrics(cli: Cli) -> None:
    code, out, errors = cli("--json")
    assert code == 0, errors
    found = json.loads(out)
    assert found["valid"] == FULL.valid
    assert found["rejected"] == FULL.rejected
    assert found["movies"] == 2
    assert found["coverage"]["recommended"] == 2
    assert found["coverage"]["users"] == 2
    assert [each["movieId"] for each in found["top_movies"]] == [7, 8]
    assert {each["worker"]: each["events"] for each in found["workers"]} == {"a": 1000, "b": 1000}
    assert found["unreadable_metrics"] == 1
    assert found["lag"] == {"ratings/2": 5}


@pytest.mark.postgres
@pytest.mark.usefixtures("log", "database")
def test_the_page_is_written_and_stdout_stays_for_data(cli: Cli, tmp_path: Path) -> None:
    code, out, errors = cli("--out", "report.html")
    assert (code, out) == (0, "")
    assert "wrote report.html" in errors
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert "1 message could not be read" in page


@pytest.mark.postgres
@pytest.mark.usefixtures("log", "database")
def test_without_options_a_table_says_the_main_figures(cli: Cli) -> None:
    code, out, _ = cli()
    assert code == 0
    assert "coverage" in out
    assert str(FULL.valid) in out


@pytest.mark.usefixtures("log")
def test_the_embedded_database_is_read_while_a_worker_runs_it(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANSWERLOOP_DATABASE", "embedded:")
    server = EmbeddedPostgres(embedded_database_folder(load_settings()))
    dsn = server.start()
    try:
        asyncio.run(migrate(dsn))
        asyncio.run(save(dsn))
        code, out, errors = cli("--json")
    finally:
        server.stop()
    assert code == 0, errors
    assert json.loads(out)["valid"] == FULL.valid


def test_a_place_where_nothing_ever_ran_is_out_of_reach(cli: Cli) -> None:
    code, _, errors = cli("--json")
    assert code == 4
    assert "there is no log" in errors
    assert "has a worker run?" in errors


def test_a_page_that_cant_be_written_is_refused_before_the_work(cli: Cli) -> None:
    code, _, errors = cli("--out", "nowhere/report.html")
    assert code == 2
    assert "nowhere" in errors


def test_a_kafka_that_is_away_is_said_in_one_line(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANSWERLOOP_BROKER", "kafka://127.0.0.1:9")
    code, _, errors = cli("--json")
    assert code == 4
    assert "error: ANSWERLOOP_BROKER: no Kafka answers at 127.0.0.1:9" in errors
    assert "Traceback" not in errors


@pytest.mark.kafka
def test_metrics_are_read_from_kafka_without_a_group(
    cli: Cli, kafka: KafkaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANSWERLOOP_BROKER", f"kafka://{kafka.bootstrap}")
    monkeypatch.setenv("ANSWERLOOP_TOPIC_PREFIX", "report.")

    async def fill() -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
        await admin.start()
        await admin.create_topics(
            [NewTopic("report.metrics", 3, 1), NewTopic("report.ratings", 6, 1)]
        )
        await admin.close()
        producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap)
        await producer.start()
        for n in range(6):
            value = GATE.encode(message("a", 5 * (n + 1)))
            await producer.send_and_wait("report.metrics", value, partition=n % 3)
        await producer.send_and_wait("report.ratings", b"{}", partition=4)
        await producer.stop()

    asyncio.run(fill())
    code, out, errors = cli("--json")
    assert code == 0, errors
    found = json.loads(out)
    assert found["metrics"] == 6
    (worker,) = found["workers"]
    assert (worker["first_at"], worker["last_at"]) == (START, START + 30)
    assert found["lag"] == {"report.ratings/4": 1}
