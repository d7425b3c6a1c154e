"""The servers of a chaos run: started when a scenario first needs them, shared by all."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path

import asyncpg

from app.chaos.servers import ServerMissing
from app.chaos.servers.kafka import KafkaServer, start_kafka
from app.chaos.servers.postgres import PostgresServer, start_postgres
from app.chaos.servers.redis import RedisServer, start_redis

_BACK_SECONDS = 90.0
_numbers = itertools.count(1)


class Outside:
    """Kafka, PostgreSQL and Redis in `folder`; `kafka_address` names a Kafka that is there already.

    Constructing starts nothing. Starting blocks for seconds, on purpose in the main thread: a child
    ends when the thread that made it does.
    """

    def __init__(self, folder: Path, kafka_libraries: Path, kafka_address: str | None) -> None:
        self._folder = folder
        self._libraries = kafka_libraries
        self._address = kafka_address
        self._kafka: KafkaServer | None = None
        self._postgres: PostgresServer | None = None
        self._redis: RedisServer | None = None

    @property
    def kafka_address(self) -> str:
        """`host:port` of the broker. Raises ServerMissing."""
        return self._address or self.kafka.bootstrap

    @property
    def kafka_words(self) -> str:
        """Which Kafka was used, for the report."""
        if self._address:
            return self._address
        return self._kafka.version if self._kafka else "not used"

    @property
    def kafka(self) -> KafkaServer:
        """A broker of our own, which may be broken. Raises ServerMissing."""
        if self._address:
            raise ServerMissing("this scenario stops the broker: it takes none that is given")
        if self._kafka is None:
            self._kafka = start_kafka(self._folder / "kafka", self._libraries)
        return self._kafka

    @property
    def postgres(self) -> PostgresServer:
        """Raises ServerMissing."""
        if self._postgres is None:
            self._postgres = start_postgres(self._folder / "postgres")
        return self._postgres

    @property
    def redis(self) -> RedisServer:
        """Raises ServerMissing."""
        if self._redis is None:
            self._redis = start_redis(self._folder)
        return self._redis

    async def new_database(self) -> str:
        """Return the DSN of a database with nothing in it."""
        name = f"chaos_{next(_numbers)}"
        connection = await asyncpg.connect(self.postgres.dsn)
        try:
            await connection.execute(f'CREATE DATABASE "{name}"')
        finally:
            await connection.close()
        return self.postgres.dsn_of(name)

    async def mend(self) -> None:
        """Bring back whatever a scenario left broken."""
        for server in (self._kafka, self._postgres, self._redis):
            if server is not None:
                server.resume()
        await asyncio.gather(
            *(back(server) for server in (self._kafka, self._postgres, self._redis) if server)
        )

    def close(self) -> None:
        for server in (self._redis, self._kafka):
            if server is not None:
                server.stop()
        if self._postgres is not None:
            self._postgres.close()


async def back(server: KafkaServer | PostgresServer | RedisServer) -> None:
    """Start a server unless it runs, and wait until it takes connections."""
    if not server.running:
        server.begin()
    async with asyncio.timeout(_BACK_SECONDS):
        while not server.accepts():
            await asyncio.sleep(0.05)
