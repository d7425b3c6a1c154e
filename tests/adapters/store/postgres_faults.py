"""A store with short limits, and what is done to its server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg

from app.adapters.store.postgres.pool import Limits
from app.errors import StoreUnavailable

QUICK = Limits(
    connect_seconds=1.0,
    acquire_seconds=1.0,
    command_seconds=1.0,
    lock_seconds=0.3,
    idle_in_transaction_seconds=1.0,
)


async def until_it_works(call_it: Callable[[], Awaitable[Any]], seconds: float = 60) -> Any:
    """Call until the store is there again, by itself."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return await call_it()
        except StoreUnavailable:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.02)


async def terminate_others(dsn: str) -> None:
    """P2: end every other connection to this database."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    finally:
        await connection.close()
