"""The views of topics, messages and groups: their JSON, on a log in files and on real Kafka."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from aiohttp.test_utils import TestClient, TestServer

from app.broker.topic_admin import ensure_topics, open_topic_admin
from app.data_dir.consumer_files import write_offsets
from app.factory import create_app
from app.inspection.kafka_reader import KafkaReader
from app.settings import Settings, load_settings
from app.topics import all_topics, app_name, topic_names
from app.transports import NewRecord
from app.transports.embedded.reader import SqliteReader
from app.transports.embedded.sqlite import SqliteStorage
from app.web.dashboard import shapes_topics as shapes
from app.web.dashboard.looking import AT_ONCE
from app.web.server import make_web_app
from tests.flow.engine import make_ports
from tests.inspection.conftest import KafkaBroker
from tests.servers.kafka import KafkaServer
from tests.web.client import Api, serving

Send = Callable[[NewRecord], Awaitable[Any]]
SLOW_SECONDS = 1.0


@asynccontextmanager
async def looking_at(settings: Settings) -> AsyncIterator[Api]:
    """Serve the views over a broker on which no worker runs."""
    app = create_app(settings, make_ports())
    async with TestClient(TestServer(make_web_app(app.context, settings))) as client:
        yield Api(client, app)  # type: ignore[arg-type]


@asynccontextmanager
async def log_in(folder: Path) -> AsyncIterator[tuple[Settings, SqliteStorage]]:
    settings = load_settings(
        broker="log:", data_dir=folder, database="memory:", scorer="memory:", partitions=2
    )
    log = SqliteStorage(folder / "log")
    for spec in all_topics(settings):
        log.create_topic(spec.name, spec.partitions, spec.config)
    yield settings, log
    log.close()


async def fill(settings: Settings, send: Send) -> str:
    """Send 6 records, two of them unreadable; return the topic."""
    topic = topic_names(settings).questions_pending
    for n in range(6):
        value = b"\xff\x00" if n in (2, 5) else b'{"n": %d}' % n
        headers = {"h": b"\x01\xff"}
        await send(NewRecord(topic, n % 2, b"k%d" % n, value, 1_700_000_000.0 + n, headers))
    return topic


async def check_views(api: Api, topic: str, group: str, *beside: tuple[str, None, int]) -> None:
    """Every view tells what `fill` sent, and what the group has acknowledged: one record.

    `beside`: other groups, each with its lag.
    """
    status, body = await api.get("/ui/api/topics")
    assert status == 200, body
    rows = {row.topic: row for row in msgspec.convert(body, shapes.TopicsShown).topics}
    assert rows[topic].differences == []
    assert (rows[topic].messages, rows[topic].partitions) == (6, 2)
    assert rows[topic].newest_at == "2023-11-14T22:13:25.000Z"
    assert all(row.there for row in rows.values())

    _, body = await api.get(f"/ui/api/topics/{topic}")
    one = msgspec.convert(body, shapes.TopicShown)
    assert [(p.start, p.end) for p in one.partitions] == [(0, 3), (0, 3)]
    assert one.retention_seconds == 7 * 86_400

    path = f"/ui/api/topics/{topic}/messages"
    _, body = await api.get(f"{path}?limit=4")
    page = msgspec.convert(body, shapes.MessagesShown)
    assert [each.key for each in page.messages] == ["k5", "k4", "k3", "k2"]
    assert (page.older, page.newer, page.looked) == (2, 0, 4)
    assert page.messages[0].summary == "ff 00"
    assert page.messages[0].problem
    assert page.messages[0].headers == 1
    _, body = await api.get(f"{path}?before={page.low}")
    assert [each["key"] for each in body["messages"]] == ["k1", "k0"]
    _, body = await api.get(f"{path}?after={body['high']}&limit=1")
    assert [each["key"] for each in body["messages"]] == ["k2"]
    for asked, keys in {
        "from_time=2023-11-14T22:13:23Z": ["k5", "k4", "k3"],
        "partition=1&offset=1": ["k5", "k3"],
        "partition=0": ["k4", "k2", "k0"],
    }.items():
        _, body = await api.get(f"{path}?{asked}")
        assert [each["key"] for each in body["messages"]] == keys, asked
    _, body = await api.get(f"/ui/api/topics/{topic}/1/2")
    message = msgspec.convert(body, shapes.MessageShown)
    assert (message.key, message.value, message.value_base64) == ("k5", None, "/wA=")
    assert message.headers == [shapes.HeaderShown("h", None, "Af8=")]
    status, body = await api.get(f"/ui/api/topics/{topic}/1/3")
    assert (status, body["error"]["code"]) == (404, "not_found")

    _, body = await api.get("/ui/api/groups")
    [found, *others] = msgspec.convert(body, shapes.GroupsShown).groups
    assert [(each.group, each.pipeline, each.late) for each in others] == [*beside]
    assert (found.group, found.pipeline, found.late) == (group, "questions", 2)
    assert found.topics[0].partitions[0].current_offset == 1
    assert found.oldest_at == "2023-11-14T22:13:22.000Z"


async def test_views_of_a_log_in_files_disturb_nothing(tmp_path: Path) -> None:
    async with log_in(tmp_path) as (settings, log):
        topic, group = await fill(settings, log.append), app_name(settings)
        await log.commit(group, {(topic, 0): 1})
        write_offsets(settings.data_dir, "mis-ratings/año", {topic: {"0": 2}})
        async with looking_at(settings) as api:
            await check_views(api, topic, group, ("mis-ratings/año", None, 1))
        assert log.groups() == [group]
        assert log.committed(group) == {(topic, 0): 1}


@pytest.mark.kafka
async def test_views_of_kafka_join_no_group_and_share_clients(
    kafka: KafkaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

    name = uuid4().hex[:8]
    settings = load_settings(
        broker=f"kafka://{kafka.bootstrap}",
        database="memory:",
        scorer="memory:",
        partitions=2,
        topic_prefix=f"{name}-",
        app_id=name,
        pipelines="questions",
    )
    admin = await open_topic_admin(settings)
    await ensure_topics(admin, all_topics(settings))
    await admin.close()
    async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap) as producer:
        broker = KafkaBroker(kafka.bootstrap, producer)
        topic, group = await fill(settings, broker.send), app_name(settings)
        await broker.commit(group, {(topic, 0): 1})
        await broker.commit(f"{name}-ratings-consume", {(topic, 0): 2})
        await broker.commit(f"x{name}", {(topic, 0): 0})
    reader = KafkaReader([kafka.bootstrap])
    before = {each.name for each in await reader.groups()}
    started = 0
    start = AIOKafkaConsumer.start

    async def counted(consumer: AIOKafkaConsumer) -> None:
        nonlocal started
        started += 1
        await start(consumer)

    monkeypatch.setattr(AIOKafkaConsumer, "start", counted)
    async with looking_at(settings) as api:
        await check_views(api, topic, group, (f"{name}-ratings-consume", None, 1))
        _, body = await api.get(f"/ui/api/topics/{topic}")
        assert body["partitions"][0]["replicas"] == [body["partitions"][0]["leader"]]
    assert started <= AT_ONCE, "clients are kept for the looks to come"
    assert {each.name for each in await reader.groups()} == before
    assert await reader.committed(group) == {(topic, 0): 1}
    await reader.close()


async def test_a_few_look_at_once_and_the_loop_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = SqliteReader.read

    def slowly(*arguments: Any) -> Any:
        time.sleep(SLOW_SECONDS)
        return read(*arguments)

    monkeypatch.setattr("app.web.dashboard.looking.TURN_SECONDS", 0.1)
    async with log_in(tmp_path) as (settings, log):
        topic = await fill(settings, log.append)
        monkeypatch.setattr(SqliteReader, "read", slowly)
        async with looking_at(settings) as api:
            asked = [
                asyncio.create_task(api.get(f"/ui/api/topics/{topic}/messages?partition=0"))
                for _ in range(5)
            ]
            longest, at = 0.0, time.monotonic()
            while not all(each.done() for each in asked):
                await asyncio.sleep(0.01)
                longest, at = max(longest, time.monotonic() - at), time.monotonic()
            assert longest < SLOW_SECONDS, "a look blocked the loop"
            replies = await asyncio.gather(*asked)
        assert sorted(status for status, _ in replies) == [200, 200, 200, 503, 503]
        [words] = {body["error"]["message"] for status, body in replies if status == 503}
        assert words == "3 look at the topics already: try again in a moment"


async def test_a_broker_that_is_away_is_told_and_the_last_rows_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.web.dashboard.topics.ROWS_SECONDS", 0.0)
    monkeypatch.setattr("app.web.dashboard.kept.SHARE", 1.0)  # read again at once
    async with log_in(tmp_path) as (settings, log):
        await fill(settings, log.append)
        async with looking_at(settings) as api:
            _, good = await api.get("/ui/api/topics")
            log.close()
            (tmp_path / "log").rename(tmp_path / "away")
            for _ in range(100):
                status, body = await api.get("/ui/api/topics")
                if body["trouble"]:
                    break
                await asyncio.sleep(0.05)
            assert status == 200
            assert "can't be read" in body["trouble"]
            assert body["topics"][0]["messages"] == good["topics"][0]["messages"] == 6
            status, body = await api.get("/ui/api/topics/dead-letters")
            assert (status, body["error"]["code"]) == (503, "unavailable")


@pytest.mark.parametrize(
    ("path", "status", "field"),
    [
        ("/__consumer_offsets", 404, None),
        ("/__consumer_offsets/messages", 404, None),
        ("/dead-letters/messages?filter=nonsense", 422, "filter"),
        ("/dead-letters/messages?filter=a=1 %26%26 f1<x", 422, "filter"),
        ("/dead-letters/messages?before=1", 422, "before"),
        ("/dead-letters/messages?before=77:1", 422, "before"),
        ("/dead-letters/messages?before=0:1&after=0:1", 422, "after"),
        ("/dead-letters/messages?offset=1", 422, "offset"),
        ("/dead-letters/messages?partition=4", 422, "partition"),
        ("/dead-letters/messages?from_time=yesterday", 422, "from_time"),
        ("/dead-letters/messages?limit=201", 422, "limit"),
        ("/dead-letters/messages?keys=1", 422, "keys"),
        ("/dead-letters/4/0", 404, None),
        ("/dead-letters/x/0", 404, None),
        ("/dead-letters/0/99999999999999999999", 404, None),
    ],
)
async def test_bad_input_is_named(api: Api, path: str, status: int, field: str | None) -> None:
    found, body = await api.get(f"/ui/api/topics{path}")
    assert found == status, body
    assert body["error"].get("field") == field


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with serving(partitions=4) as found:
        yield found
