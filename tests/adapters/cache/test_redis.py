"""Redis keeps the contract; absent, slow or flushed it costs next to nothing."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from app.adapters.cache.redis import RedisCache
from app.errors import CacheUnavailable, SettingsError
from app.opening import open_cache
from app.settings import load_settings
from tests.adapters.cache.contract import CacheContract
from tests.servers import require
from tests.servers.redis import RedisServer, start_redis


@pytest.fixture
async def cache(redis_url: str) -> AsyncIterator[RedisCache]:
    # A busy machine is not what these tests are about.
    cache = RedisCache(redis_url, f"{uuid.uuid4()}:", ttl_seconds=100, timeout_seconds=10)
    yield cache
    await cache.close()


@pytest.mark.redis
class TestRedisCache(CacheContract):
    pass


class Monotonic:
    """The clock of the back-off, moved by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.redis
async def test_entries_end_after_their_time_and_live_under_the_prefix(redis_url: str) -> None:
    prefix = f"{uuid.uuid4()}:"
    cache = RedisCache(redis_url, prefix, ttl_seconds=100, timeout_seconds=10)
    await cache.put({"q": b"1"})
    async with Redis.from_url(redis_url) as client:
        assert 90 < await client.ttl(f"{prefix}q") <= 100
    await cache.close()


@pytest.mark.redis
async def test_what_another_version_keeps_is_a_miss(redis_url: str) -> None:
    app_id = uuid.uuid4().hex
    older = RedisCache(redis_url, f"{app_id}:", ttl_seconds=100, timeout_seconds=10)
    await older.put({"q": b'{"question_id": "q"}'})
    cache = await open_cache(load_settings(cache=redis_url, app_id=app_id), [])
    assert await cache.get("q") is None
    await cache.put({"q": b"1"})
    assert (await cache.get("q"), await older.get("q")) == (b"1", b'{"question_id": "q"}')
    await older.close()
    await cache.close()


@pytest.mark.redis
async def test_a_flush_is_only_forgetting(cache: RedisCache, redis_url: str) -> None:
    await cache.put({"q": b"1"})
    async with Redis.from_url(redis_url) as client:
        await client.flushall()
    assert await cache.get("q") is None
    await cache.put({"q": b"2"})
    assert await cache.get("q") == b"2"


async def test_an_absent_redis_is_tried_once_in_a_back_off() -> None:
    cache = RedisCache(f"redis://127.0.0.1:{free_port()}", "x:", 100, monotonic=Monotonic())
    with pytest.raises(CacheUnavailable, match="ConnectionError"):
        await cache.get("q")
    for _ in range(100):
        with pytest.raises(CacheUnavailable, match="a moment ago"):
            await cache.get("q")
    await cache.close()


@pytest.mark.redis
async def test_a_redis_that_hangs_costs_a_tenth_of_a_second(redis_server: RedisServer) -> None:
    cache = RedisCache(redis_server.url, "x:", 100)
    with contextlib.suppress(CacheUnavailable):  # a connection, unless the machine is too busy
        await cache.check()
    redis_server.pause()
    try:
        started = time.monotonic()
        results = await asyncio.gather(*(cache.get("q") for _ in range(20)), return_exceptions=True)
        assert time.monotonic() - started < 2  # 0.1 s on a quiet machine
        assert {type(result) for result in results} == {CacheUnavailable}
    finally:
        redis_server.resume()
    await cache.close()


@pytest.mark.redis
async def test_a_redis_that_comes_back_is_used_again(tmp_path: Path) -> None:
    port = free_port()
    clock = Monotonic()
    url = f"redis://127.0.0.1:{port}"
    cache = RedisCache(url, "x:", 100, timeout_seconds=10, monotonic=clock)
    with pytest.raises(CacheUnavailable):
        await cache.put({"q": b"1"})
    server = require(lambda: start_redis(tmp_path, port))
    try:
        with pytest.raises(CacheUnavailable):  # still inside the back-off
            await cache.put({"q": b"1"})
        clock.now += 1.01
        await cache.put({"q": b"1"})
        assert await cache.get("q") == b"1"
    finally:
        server.stop()
    with pytest.raises(CacheUnavailable):
        await cache.get("q")
    await cache.close()


async def test_after_the_back_off_one_call_tries_for_all() -> None:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(1)  # accepts, and never says a word
    clock = Monotonic()
    cache = RedisCache(f"redis://127.0.0.1:{listener.getsockname()[1]}", "x:", 100, monotonic=clock)
    with pytest.raises(CacheUnavailable):
        await cache.get("q")
    clock.now += 1.01
    trial = asyncio.create_task(cache.get("q"))
    await asyncio.sleep(0)
    for _ in range(100):
        with pytest.raises(CacheUnavailable, match="a moment ago"):
            await cache.get("q")
    assert not trial.done()
    with pytest.raises(CacheUnavailable, match="Timeout"):
        await trial
    await cache.close()
    listener.close()


@pytest.mark.redis
async def test_the_password_is_in_no_error_and_no_repr(tmp_path: Path) -> None:
    server = require(lambda: start_redis(tmp_path, password="s3cret-canary"))
    try:
        right = RedisCache(server.url, "x:", 100, timeout_seconds=10)
        await right.put({"q": b"1"})
        wrong = RedisCache(server.url.replace("s3cret", "wrong-s3cret"), "x:", 100)
        with pytest.raises(CacheUnavailable) as caught:
            await wrong.get("q")
        shown = f"{right!r} {right.where} {await right.check()} {wrong!r} {caught.value}"
        assert "canary" not in shown
        assert caught.value.__cause__ is None
        await right.close()
        await wrong.close()
    finally:
        server.stop()


@pytest.mark.parametrize(
    "url", ["http://:s3cret@x", "redis://:s3cret@host:port/0", "s3cret", "redis://:s3cret@[::1"]
)
def test_what_is_not_a_redis_url_is_a_setting_without_its_secret(url: str) -> None:
    with pytest.raises(SettingsError) as caught:
        RedisCache(url, "x:", 100)
    assert caught.value.name == "ANSWERLOOP_CACHE"
    assert "s3cret" not in str(caught.value)


def test_an_option_that_the_client_does_not_know_is_refused_when_it_is_made() -> None:
    assert RedisCache("rediss://h:6379/0?ssl_ca_certs=/etc/ca.pem&ssl_cert_reqs=required")
    with pytest.raises(SettingsError, match=r"ANSWERLOOP_CACHE has an option .*'ssl_foo'"):
        RedisCache("rediss://:secret@h:6379/0?ssl_foo=1")
