"""Connections to PostgreSQL: opened when needed, every trouble a StoreUnavailable, soon."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

import asyncpg

from app.errors import AnswerloopError, InputError, RowLocked, SettingsError, StoreUnavailable

Value = TypeVar("Value")

#: Asked again at once, in a new transaction: another worker won this time.
_CONFLICTS = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError)
_MAX_CONFLICTS = 8

#: The database refuses a value, whoever sends it, however often.
REFUSALS = (
    asyncpg.DataError,
    asyncpg.exceptions.ProgramLimitExceededError,
    asyncpg.IntegrityConstraintViolationError,
    UnicodeEncodeError,
)

#: The server is away, starting, stopping, full, read-only, closed to us, or waits for somebody.
_UNAVAILABLE = (
    OSError,
    TimeoutError,
    EOFError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.exceptions.OperatorInterventionError,
    asyncpg.exceptions.InsufficientResourcesError,
    asyncpg.exceptions.ObjectNotInPrerequisiteStateError,
    asyncpg.exceptions.InvalidTransactionStateError,
    asyncpg.exceptions.InvalidAuthorizationSpecificationError,
    asyncpg.exceptions.InvalidCatalogNameError,
    asyncpg.exceptions.PostgresSystemError,
    asyncpg.exceptions.InternalServerError,
    *_CONFLICTS,
)


@dataclass(frozen=True, slots=True)
class Limits:
    """How long the database may take, in seconds."""

    connect_seconds: float = 3.0
    acquire_seconds: float = 5.0
    command_seconds: float = 5.0
    #: A row that somebody else holds so long fails alone (the rest of its batch goes on).
    lock_seconds: float = 2.0
    #: A worker that is stopped in the middle of a transaction loses its locks after this.
    idle_in_transaction_seconds: float = 5.0


def where(dsn: str) -> str:
    """Return host and database of a DSN for people, without user, password and options."""
    try:
        parts = urlsplit(dsn)
        host = parts.netloc.rpartition("@")[2] or parse_qs(parts.query).get("host", [""])[0]
    except ValueError:
        return "an address that is not a URL"
    return f"{host or 'localhost'}{parts.path}"


def wrong_address() -> SettingsError:
    """Return the error of a DSN the driver can't read, whose own may quote it, and its password."""
    return SettingsError(
        "ANSWERLOOP_DATABASE is not a PostgreSQL URL, such as postgresql://user@host:5432/name",
        name="ANSWERLOOP_DATABASE",
    )


def translate(error: BaseException, place: str) -> AnswerloopError | None:
    """Return the error of ours that says what a driver's error means; None for a defect of ours."""
    if isinstance(error, AnswerloopError):
        return error
    detail = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    if isinstance(error, REFUSALS):
        return InputError(f"PostgreSQL does not take this value: {detail}")
    if isinstance(error, asyncpg.LockNotAvailableError):
        return RowLocked(f"PostgreSQL at {place}: {detail}")
    if isinstance(error, _UNAVAILABLE):
        return StoreUnavailable(f"PostgreSQL at {place}: {detail}")
    return None


class PostgresPool:
    """A pool that opens on first use and heals by itself. Constructing connects nothing."""

    def __init__(self, dsn: str, pool_min: int, pool_max: int, limits: Limits) -> None:
        self.place = where(dsn)
        self._dsn = dsn
        self._pool_min = pool_min
        self._pool_max = pool_max
        self._limits = limits
        self._pool: Any = None
        self._opening = asyncio.Lock()

    def __repr__(self) -> str:
        return f"PostgresPool({self.place})"

    async def run(
        self,
        work: Callable[[Any], Awaitable[Value]],
        *,
        transaction: bool = True,
        within_seconds: float | None = None,
    ) -> Value:
        """Run `work(connection)`, in a transaction that is repeated after a conflict.

        `within_seconds` is for work of many statements: all together may take so long.
        Raises StoreUnavailable or InputError; what is neither is a defect, and stays what it is.
        """
        try:
            return await self._repeat(
                work, transaction, within_seconds or self._limits.command_seconds
            )
        except (asyncpg.UndefinedTableError, asyncpg.UndefinedFunctionError) as error:
            raise StoreUnavailable(
                f"PostgreSQL at {self.place} is not migrated (answerloop db migrate): {error}"
            ) from error
        except Exception as error:
            ours = translate(error, self.place)
            if ours is None or ours is error:
                raise
            raise ours from error

    async def open(self) -> None:
        """Connect. Not needed before use, and no harm when it fails: `run` tries again."""
        await self.run(_select_one, transaction=False)

    async def close(self) -> None:
        """Close all connections, at once when they do not end in time."""
        pool, self._pool = self._pool, None
        if pool is None:
            return
        try:
            await asyncio.wait_for(pool.close(), self._limits.command_seconds)
        except (TimeoutError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            pool.terminate()

    async def _repeat(
        self, work: Callable[[Any], Awaitable[Value]], transaction: bool, seconds: float
    ) -> Value:
        for conflicts in range(_MAX_CONFLICTS):
            try:
                return await self._once(work, transaction, seconds)
            except _CONFLICTS:
                await asyncio.sleep(random.uniform(0, 0.01 * 2**conflicts))
        return await self._once(work, transaction, seconds)

    async def _once(
        self, work: Callable[[Any], Awaitable[Value]], transaction: bool, seconds: float
    ) -> Value:
        async with self._connection() as connection, asyncio.timeout(seconds):
            if not transaction:
                return await work(connection)
            return await _in_transaction(connection, work)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Any]:
        limits = self._limits
        try:
            # A timeout of the pool's own costs a task each time.
            async with asyncio.timeout(limits.acquire_seconds):
                pool = self._pool or await self._opened()
                connection = await pool.acquire()
        except (ValueError, asyncpg.ClientConfigurationError):
            raise wrong_address() from None
        try:
            yield connection
        except (OSError, TimeoutError, asyncio.CancelledError):
            # Its state is unknown, and asking the server to cancel may hang as well.
            connection.terminate()
            raise
        finally:
            await pool.release(connection, timeout=limits.command_seconds)

    async def _opened(self) -> Any:
        async with self._opening:
            if self._pool is None:
                self._pool = await self._create()
            return self._pool

    async def _create(self) -> Any:
        limits = self._limits
        return await asyncpg.create_pool(
            self._dsn,
            min_size=self._pool_min,
            max_size=self._pool_max,
            connection_class=_Connection,
            timeout=limits.connect_seconds,
            command_timeout=limits.command_seconds,
            server_settings={
                "application_name": "answerloop",
                "lock_timeout": _milliseconds(limits.lock_seconds),
                "idle_in_transaction_session_timeout": _milliseconds(
                    limits.idle_in_transaction_seconds
                ),
            },
        )


class _Connection(asyncpg.Connection):
    """A connection without session state of its own: nothing to reset when it goes back."""

    def get_reset_query(self) -> str:
        return ""


async def _in_transaction(connection: Any, work: Callable[[Any], Awaitable[Value]]) -> Value:
    transaction = connection.transaction()
    await transaction.start()
    try:
        value = await work(connection)
    except (OSError, TimeoutError, asyncio.CancelledError):
        raise  # the connection is dropped, and the transaction with it
    except BaseException:
        await transaction.rollback()
        raise
    await transaction.commit()
    return value


async def _select_one(connection: Any) -> None:
    await connection.fetchval("SELECT 1")


def _milliseconds(seconds: float) -> str:
    return str(max(1, round(seconds * 1000)))
