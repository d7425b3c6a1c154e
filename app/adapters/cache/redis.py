"""The Redis cache. Redis may be absent, slow or flushed: that costs milliseconds, no answers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar
from urllib.parse import urlsplit

from redis.asyncio import BlockingConnectionPool, ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from app.errors import CacheUnavailable, SettingsError

Value = TypeVar("Value")

#: Limit of one connect and of one command; a call may need both, and a wait for a connection.
TIMEOUT_SECONDS = 0.1
CALL_TIMEOUTS = 3

#: Few: a burst of calls shall not be a burst of handshakes.
MAX_CONNECTIONS = 16

#: After a failure calls fail at once for so long; then one call tries, the others go on failing.
BACK_OFF_SECONDS = 1.0


def refuse_unknown_options(pool: ConnectionPool) -> None:
    """Raise SettingsError where the URL of a pool has options that the client does not know."""
    try:
        pool.connection_class(**pool.connection_kwargs)  # connects nothing
    except TypeError as error:
        raise SettingsError(
            f"ANSWERLOOP_CACHE has an option that Redis's client does not know ({error})",
            name="ANSWERLOOP_CACHE",
        ) from None


class RedisCache:
    """Questions in Redis under `prefix`, each for `ttl_seconds`. Implements `AnswerCache`.

    Constructing connects nothing. `monotonic` is the clock of the back-off, for tests.
    """

    def __init__(
        self,
        url: str,
        prefix: str = "answerloop:",
        ttl_seconds: int = 7 * 86_400,
        *,
        timeout_seconds: float = TIMEOUT_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._prefix = prefix
        self._ttl_seconds = ttl_seconds
        self._call_seconds = CALL_TIMEOUTS * timeout_seconds
        self._monotonic = monotonic
        self._retry_at = 0.0
        try:
            self.where = _where(url)
            pool = BlockingConnectionPool.from_url(
                url,
                max_connections=MAX_CONNECTIONS,
                timeout=self._call_seconds,
                socket_timeout=timeout_seconds,
                socket_connect_timeout=timeout_seconds,
                retry=Retry(NoBackoff(), 0),
            )
        except ValueError:
            # The library's message quotes the URL, which may hold a password.
            raise SettingsError(
                "ANSWERLOOP_CACHE is not a Redis URL, such as redis://localhost:6379/0",
                name="ANSWERLOOP_CACHE",
            ) from None
        refuse_unknown_options(pool)
        self._redis = Redis.from_pool(pool)

    def __repr__(self) -> str:
        return f"RedisCache({self.where})"

    async def get(self, question_id: str) -> bytes | None:
        async def read() -> bytes | None:
            value = await self._redis.get(self._name(question_id))
            return value.encode() if isinstance(value, str) else value

        return await self._guarded(read)

    async def put(self, entries: Mapping[str, bytes]) -> None:
        if not entries:
            return

        async def write() -> None:
            pipeline = self._redis.pipeline(transaction=False)
            for question_id, value in entries.items():
                pipeline.set(self._name(question_id), value, ex=self._ttl_seconds)
            await pipeline.execute()

        await self._guarded(write)

    async def forget(self, question_ids: Sequence[str]) -> None:
        if not question_ids:
            return

        async def delete() -> None:
            await self._redis.delete(*(self._name(question_id) for question_id in question_ids))

        await self._guarded(delete)

    async def check(self) -> str:
        async def ping() -> None:
            await self._redis.exists(self._name("check"))

        await self._guarded(ping)
        return self.where

    async def close(self) -> None:
        await self._redis.aclose()

    def _name(self, question_id: str) -> str:
        return self._prefix + question_id

    async def _guarded(self, call: Callable[[], Awaitable[Value]]) -> Value:
        """Run one exchange with Redis. Raises CacheUnavailable, at once during the back-off."""
        now = self._monotonic()
        if now < self._retry_at:
            raise CacheUnavailable(f"Redis at {self.where} failed a moment ago")
        if self._retry_at:
            self._retry_at = now + BACK_OFF_SECONDS  # this call is the one that tries
        try:
            async with asyncio.timeout(self._call_seconds):
                value = await call()
        except (RedisError, OSError, TimeoutError, UnicodeError) as error:
            self._retry_at = self._monotonic() + BACK_OFF_SECONDS
            # The type says enough, and the text may quote the URL.
            raise CacheUnavailable(f"Redis at {self.where}: {type(error).__name__}") from None
        self._retry_at = 0.0
        return value


def _where(url: str) -> str:
    """Return host, port and database of a URL, without its user and password."""
    parts = urlsplit(url)
    address = parts.netloc.rpartition("@")[2]
    return f"{address}{parts.path}"
