"""Kafka, PostgreSQL and Redis behind TLS, certificates and passwords; and what a wrong one says."""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import aiohttp
import asyncpg
import pytest
from redis.asyncio import Redis

from app.adapters.store.postgres.migrate import migrate
from app.broker import kafka_hosts, kafka_security
from app.broker.topic_admin import open_topic_admin
from app.errors import BrokerUnavailable
from app.fake_llm import FakeModelServer
from app.inspection.kafka_reader import KafkaReader
from app.settings import Settings
from tests.doctor.looking import look, mends, site
from tests.integration.cluster import Cluster, final, post, until
from tests.servers import require
from tests.servers.certificates import Authority
from tests.servers.kafka_secured import SecuredKafka, start_secured_kafka
from tests.servers.postgres import start_postgres
from tests.servers.redis import start_redis

pytestmark = [pytest.mark.kafka, pytest.mark.postgres, pytest.mark.redis]

WAYS = (
    "tls",
    "client-certificate",
    "tls-plain",
    "tls-scram-256",
    "tls-scram-512",
    "plain",
    "scram-256",
)
LISTENER = "KAFKA_SECURITY_PROTOCOL is {}: is that what the listener speaks"
Change = Callable[[dict[str, str], Path], dict[str, str]]


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredKafka]:
    started = require(lambda: start_secured_kafka(tmp_path_factory.mktemp("secured")))
    yield started
    started.server.stop()


@pytest.fixture(scope="module")
def tls_postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The DSN of a server that nobody reaches without TLS."""
    folder = tmp_path_factory.mktemp("tls-postgres")
    server = require(lambda: start_postgres(folder))
    authority = Authority(folder)
    for issued, name in zip(authority.issue("localhost"), ("crt", "key"), strict=True):
        installed = Path(shutil.copy(issued, server.data / f"server.{name}"))
        if os.geteuid() == 0:
            os.chown(installed, pwd.getpwnam("postgres").pw_uid, -1)
    (server.data / "pg_hba.conf").write_text("hostssl all all all trust\nlocal all all trust\n")
    asyncio.run(_execute(server.dsn, "ALTER SYSTEM SET ssl = on"))
    server.restart()
    dsn = server.dsn.replace("127.0.0.1", "localhost")
    yield f"{dsn}?sslmode=verify-full&sslrootcert={authority.ca_file}"
    server.stop("immediate")


@pytest.fixture(scope="module")
def tls_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("tls-redis")
    authority = Authority(folder)
    server = require(lambda: start_redis(folder, tls=authority.issue("localhost")))
    yield f"{server.url.replace('127.0.0.1', 'localhost')}?ssl_ca_certs={authority.ca_file}"
    server.stop()


async def _execute(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute(statement)
    await connection.close()


def settings_of(way: dict[str, str]) -> Settings:
    return Settings(**{name.lower(): value for name, value in way.items()})  # type: ignore[arg-type]


@pytest.mark.parametrize("way", WAYS)
async def test_every_way_in_leads_to_the_topics(secured: SecuredKafka, way: str) -> None:
    settings = settings_of(secured.ways[way])
    admin = await open_topic_admin(settings)
    reader = KafkaReader(kafka_hosts(settings), kafka_security(settings))
    try:
        assert await admin.describe(["nothing-here"]) == {}
        assert isinstance(await reader.topics(), list)
    finally:
        await reader.close()
        await admin.close()


@pytest.mark.parametrize("way", ["client-certificate", "tls-scram-512", "tls-plain"])
async def test_a_worker_answers_and_rates_with_everything_behind_tls(
    secured: SecuredKafka,
    tls_postgres: str,
    tls_redis: str,
    make_cluster: Callable[..., Cluster],
    model_server: FakeModelServer,
    way: str,
) -> None:
    name = f"d{uuid4().hex[:8]}"
    await _execute(tls_postgres, f"CREATE DATABASE {name}")
    database = tls_postgres.replace("/postgres?", f"/{name}?")
    await migrate(database)
    cluster = make_cluster(
        model_server,
        **secured.ways[way],
        DATABASE=database,
        CACHE=tls_redis,
        PIPELINES="questions,ratings",
    )
    worker = await cluster.ready(cluster.start_worker())
    row = await final(worker, await post(worker, f"¿Qué tal por {way}?"))
    assert row["status"] == "validated"
    rating = {"userId": 7, "movieId": 32, "rating": 3.5, "timestamp": int(1000 * time.time())}
    async with aiohttp.request("POST", f"{worker.url}/ratings", json=rating) as response:
        assert response.status == 202, await response.text()
    async with aiohttp.request("GET", f"{worker.url}/ratings/stats") as response:
        assert response.status == 200, await response.text()
    async with Redis.from_url(tls_redis) as cache:

        async def something_is_kept() -> bool:  # after the row, and what takes long is left out
            await final(worker, await post(worker, f"¿Y {uuid4().hex}?"))
            return await cache.dbsize() > 0

        await until(something_is_kept, 30)
    assert worker.stop() == 0
    assert "Traceback" not in cluster.logs()


WRONG: dict[str, tuple[str, Change, str]] = {
    "password": (
        "tls-scram-256",
        lambda way, _: {"KAFKA_PASSWORD": "another"},
        "it refuses the user or the password; see ANSWERLOOP_KAFKA_USERNAME and",
    ),
    "plain-password": (
        "tls-plain",
        lambda way, _: {"KAFKA_PASSWORD": "another"},
        "it refuses the user or the password",
    ),
    "authority": (
        "tls",
        lambda way, folder: {"KAFKA_CA_FILE": str(Authority(folder).ca_file)},
        "its certificate is not trusted .*ANSWERLOOP_KAFKA_CA_FILE must hold the authority",
    ),
    "host-name": (
        "tls",
        lambda way, _: {"BROKER": way["BROKER"].replace("localhost", "127.0.0.1")},
        "its certificate is not trusted .*IP address mismatch",
    ),
    "no-client-certificate": (
        "client-certificate",
        lambda way, _: {"KAFKA_CERT_FILE": "", "KAFKA_KEY_FILE": ""},
        "ANSWERLOOP_KAFKA_CERT_FILE",
    ),
    "in-the-clear": (
        "tls",
        lambda way, _: {"KAFKA_SECURITY_PROTOCOL": "PLAINTEXT"},
        LISTENER.format("PLAINTEXT"),
    ),
    "tls-where-none-is": (
        "scram-256",
        lambda way, _: {"KAFKA_SECURITY_PROTOCOL": "SASL_SSL"},
        LISTENER.format("SASL_SSL"),
    ),
    "password-where-none-is-asked": (
        "tls",
        lambda way, _: {
            "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "KAFKA_USERNAME": "u",
            "KAFKA_PASSWORD": "p",
        },
        LISTENER.format("SASL_SSL"),
    ),
}


@pytest.mark.parametrize("name", WRONG)
async def test_what_is_wrong_is_said_with_what_mends_it(
    secured: SecuredKafka, tmp_path: Path, name: str
) -> None:
    way, change, words = WRONG[name]
    right = secured.ways[way]
    changed = {**right, **change(right, tmp_path)}
    settings = settings_of({name: value for name, value in changed.items() if value})
    with pytest.raises(BrokerUnavailable, match=words) as caught:
        await open_topic_admin(settings)
    assert "ANSWERLOOP_BROKER: Kafka at" in str(caught.value)
    reader = KafkaReader(kafka_hosts(settings), kafka_security(settings))
    with pytest.raises(BrokerUnavailable, match=words):
        await reader.topics()
    await reader.close()


def test_doctor_says_it_too(secured: SecuredKafka, tmp_path: Path) -> None:
    wrong = {**secured.ways["tls-plain"], "KAFKA_PASSWORD": "another"}
    found = look(site(tmp_path, **{k.lower(): v for k, v in wrong.items()}), "broker")
    assert "it refuses the user or the password" in found.seen
    assert any("ANSWERLOOP_KAFKA_PASSWORD" in mend for mend in mends(found, "advice"))
