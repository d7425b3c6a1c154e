"""The store in PostgreSQL. Calls that come together share statements and commits.

A commit costs milliseconds of disk: hundreds of concurrent claims in a few transactions cost a few
commits. Each kind of write has its own queue (`Batcher`), which runs one batch at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from itertools import islice
from time import monotonic
from typing import Any, TypeVar

from app.adapters.batching import Batcher
from app.adapters.store.postgres import chunks, claims, outcomes, reads
from app.adapters.store.postgres import questions as writes
from app.adapters.store.postgres.calls import clean_key
from app.adapters.store.postgres.costs import read_costs
from app.adapters.store.postgres.letters import PostgresLetters
from app.adapters.store.postgres.overdue import take_overdue
from app.adapters.store.postgres.pool import Limits, PostgresPool
from app.adapters.store.postgres.quality import PostgresQuality
from app.adapters.store.postgres.views import PostgresViews
from app.core.costs import Costs
from app.core.lifecycle import Status, Turn
from app.core.questions import CallKey, StoredQuestion
from app.errors import AnswerloopError, InputError, RowLocked, StoreUnavailable
from app.ports import (
    Accepted,
    CallAnswer,
    CallFailure,
    Claim,
    Claimed,
    ClaimRequest,
    DeadLetterRow,
    Ending,
    Overdue,
    Page,
    StoredVerdict,
    SweepLimits,
    Waiting,
)

Item = TypeVar("Item")
Result = TypeVar("Result")

#: Calls that share a statement; acceptances, waits and ends come in chunks of many already.
MAX_BATCH = 500
MAX_CHUNKS = 16
#: What comes within this time of the first shares its commit, which costs about as much.
LINGER_SECONDS = 0.004
#: A batch holds up those that come after it. So once a row was found locked, batches wait for locks
#: so long only, during this time after the last one was found; and so long one batch may look for
#: its locked rows, one by one, before all that is still locked counts as such.
SHORT_LOCK_SECONDS = 0.1
LOCKS_EXPECTED_SECONDS = 15.0
ISOLATE_SECONDS = 3.0


class PostgresStore(PostgresLetters, PostgresViews, PostgresQuality):
    """Implements `AnswerStore` on a migrated database.

    Constructing connects nothing; `open` connects, and so does the first use. Leases run on the
    clock of the database, because the clocks of workers differ; `now` of a claim is the start of
    its attempt. One row that can't be written (locked for long, a value PostgreSQL refuses) fails
    alone, its batch mates go on.

    `pool_min` connections are kept open also when idle (the driver logs each try to restore one
    while the server is away: 0 is quiet); at most `pool_max` are opened.
    """

    def __init__(
        self, dsn: str, pool_min: int = 0, pool_max: int = 10, *, limits: Limits | None = None
    ) -> None:
        limits = limits or Limits()
        self._pool = PostgresPool(dsn, pool_min, pool_max, limits)
        #: Claims that the database may hold, but nobody has: the connection broke as they were made
        #: or given back, or the caller was cancelled; and whether the call had begun. They are
        #: dropped before they could be renewed, or stand in the way.
        self._orphans: dict[claims.Holding, bool] = {}
        #: Claims that were got here, and neither ended nor given back: never orphans.
        self._held: set[claims.Holding] = set()
        self._claiming = asyncio.Lock()
        self._locks_expected_until = 0.0
        short = round(min(SHORT_LOCK_SECONDS, limits.lock_seconds) * 1000)
        self._short_locks = f"SET LOCAL lock_timeout = '{short}ms'"
        self._claims: Batcher[ClaimRequest, Claim] = Batcher(
            self._claim,
            max_size=MAX_BATCH,
            linger_seconds=LINGER_SECONDS,
            abandoned=self._abandon,
        )
        self._accepts = self._batcher(chunks.accept, MAX_CHUNKS, one_statement=True)
        self._unclaims = self._batcher(claims.unclaim_calls)
        self._answers = self._batcher(outcomes.record_answers, one_statement=True)
        self._failures = self._batcher(outcomes.record_failures, one_statement=True)
        self._question_reads: Batcher[str, StoredQuestion | None] = Batcher(
            self._read_questions, max_size=MAX_BATCH, linger_seconds=LINGER_SECONDS
        )
        self._chunk_reads: Batcher[Sequence[str], list[StoredQuestion | None]] = Batcher(
            self._read_chunks, max_size=MAX_CHUNKS, linger_seconds=LINGER_SECONDS
        )
        self._verdict_reads = self._batcher(outcomes.read_verdicts, one_statement=True)
        self._verdicts = self._batcher(outcomes.record_verdicts, one_statement=True)
        self._waits = self._batcher(chunks.wait, MAX_CHUNKS)
        self._ends = self._batcher(chunks.finish, MAX_CHUNKS, one_statement=chunks.without_letters)

    def __repr__(self) -> str:
        return f"PostgresStore({self._pool.place})"

    async def open(self) -> None:
        """Connect. Raises StoreUnavailable; the store may be used all the same, and tries again."""
        await self._pool.open()

    async def accept(self, questions: Sequence[Accepted]) -> set[str]:
        return await self._accepts.submit(questions)

    async def claim(self, request: ClaimRequest) -> Claim:
        return await self._claims.submit(request)

    async def renew(self, owner: str, lease_seconds: float, now: float) -> int:  # noqa: ARG002 - the lease runs on the database's clock
        async with self._claiming:
            orphans = {held: made for held, made in self._orphans.items() if held[1] == owner}
            renewed = await self._pool.run(
                lambda connection: claims.renew_calls(connection, owner, lease_seconds, orphans)
            )
            for held in orphans:
                self._orphans.pop(held, None)
        return renewed

    async def end_leases(self) -> int:
        """End every lease, and return how many: for a database whose only user has just started.

        What a killed run was asking is asked again at once, not when its leases run out.
        """
        return await self._pool.run(claims.end_leases)

    async def unclaim(self, call: CallKey, owner: str, *, made: bool = False) -> None:
        held = (clean_key(call), owner)
        self._held.discard(held)
        try:
            await self._unclaims.submit((call, owner, made))
        except StoreUnavailable:
            self._orphans[held] = made
            raise
        self._orphans.pop(held, None)

    async def record_answer(self, call: CallKey, owner: str, answer: CallAnswer) -> bool:
        kept = await self._answers.submit((call, owner, answer))
        self._held.discard((clean_key(call), owner))
        return kept

    async def record_failure(self, call: CallKey, owner: str, failure: CallFailure) -> bool:
        kept = await self._failures.submit((call, owner, failure))
        self._held.discard((clean_key(call), owner))
        return kept

    async def verdict(self, call: CallKey) -> StoredVerdict | None:
        return await self._verdict_reads.submit(call)

    async def record_verdict(self, call: CallKey, verdict: StoredVerdict) -> StoredVerdict:
        return await self._verdicts.submit((call, verdict))

    async def waiting(self, waits: Sequence[Waiting]) -> set[str]:
        return await self._waits.submit(waits)

    async def finish(
        self, endings: Sequence[Ending], dead_letters: Sequence[DeadLetterRow] = ()
    ) -> None:
        await self._ends.submit((endings, dead_letters))

    async def costs(self, question_ids: Sequence[str] | None = None) -> dict[str, Costs]:
        return await self._read(lambda connection: read_costs(connection, question_ids))

    async def question(self, question_id: str) -> StoredQuestion | None:
        return await self._question_reads.submit(question_id)

    async def questions_by_id(self, question_ids: Sequence[str]) -> list[StoredQuestion]:
        found = await self._chunk_reads.submit(question_ids)
        return [question for question in found if question is not None]

    async def _read_chunks(
        self, chunks: Sequence[Sequence[str]]
    ) -> list[list[StoredQuestion | None]]:
        found = iter(await self._read_questions([each for chunk in chunks for each in chunk]))
        return [list(islice(found, len(chunk))) for chunk in chunks]

    async def _read_questions(self, question_ids: Sequence[str]) -> list[StoredQuestion | None]:
        return await self._read(lambda connection: reads.read_questions(connection, question_ids))

    async def statuses(self, question_ids: Sequence[str]) -> dict[str, tuple[Status, Turn]]:
        return await self._read(lambda connection: writes.read_statuses(connection, question_ids))

    async def questions(
        self, *, status: Status | None = None, limit: int = 50, cursor: str | None = None
    ) -> Page:
        return await self._read(
            lambda connection: reads.read_page(connection, status, limit, cursor)
        )

    async def backlog(self, at_most: int) -> int:
        return await self._read(lambda connection: reads.read_backlog(connection, at_most))

    async def take_overdue(self, now: float, limits: SweepLimits) -> list[Overdue]:
        return await self._pool.run(lambda connection: take_overdue(connection, now, limits))

    async def counts(self) -> dict[Status, int]:
        return await self._read(reads.read_counts)

    async def check(self) -> str:
        await self._pool.open()
        return self._pool.place

    async def close(self) -> None:
        """Finish what was submitted, then close the connections."""
        batchers: list[Batcher[Any, Any]] = [
            self._accepts,
            self._claims,
            self._unclaims,
            self._answers,
            self._failures,
            self._question_reads,
            self._chunk_reads,
            self._verdict_reads,
            self._verdicts,
            self._waits,
            self._ends,
        ]
        await asyncio.gather(*(batcher.close() for batcher in batchers))
        await self._pool.close()

    async def _claim(self, requests: list[ClaimRequest]) -> list[Claim | Exception]:
        holdings = [(clean_key(each.call), each.owner) for each in requests]

        async def work(connection: Any, part: Sequence[ClaimRequest]) -> list[Claim]:
            return await claims.claim_calls(connection, part, self._orphans)

        async with self._claiming:
            try:
                results = await self._split(work, requests, one_statement=not self._orphans)
            except BaseException:
                self._orphans.update((each, False) for each in holdings if each not in self._held)
                raise
            for holding, result in zip(holdings, results, strict=True):
                if not isinstance(result, Exception):
                    self._orphans.pop(holding, None)
                if isinstance(result, Claimed):
                    self._held.add(holding)
        return results

    def _abandon(self, request: ClaimRequest, result: Claim) -> None:
        if isinstance(result, Claimed):
            held = (clean_key(request.call), request.owner)
            self._held.discard(held)
            self._orphans[held] = False

    def _batcher(
        self,
        work: Callable[[Any, Sequence[Item]], Awaitable[list[Result]]],
        max_size: int = MAX_BATCH,
        *,
        one_statement: bool | Callable[[Sequence[Item]], bool] = False,
    ) -> Batcher[Item, Result]:
        async def run_batch(items: list[Item]) -> Sequence[Result | Exception]:
            one = one_statement(items) if callable(one_statement) else one_statement
            return await self._split(work, items, one_statement=one)

        return Batcher(run_batch, max_size=max_size, linger_seconds=LINGER_SECONDS)

    async def _split(
        self,
        work: Callable[[Any, Sequence[Item]], Awaitable[list[Result]]],
        items: Sequence[Item],
        isolate_until: float | None = None,
        *,
        one_statement: bool = False,
    ) -> list[Result | Exception]:
        """Run a batch in one transaction, or in halves when one of its rows can't be written.

        `isolate_until`: until when locked rows are looked for among those that are left.
        `one_statement`: the work is one, which needs no transaction around it. BEGIN and COMMIT
        would be two more turns to the server and back.
        """
        failure: AnswerloopError
        locks_expected = monotonic() < self._locks_expected_until
        try:
            if one_statement and not locks_expected:
                return [*await self._read(lambda connection: work(connection, items))]
            return [*await self._pool.run(lambda connection: self._timed(connection, work, items))]
        except InputError as error:
            failure = error
        except RowLocked as error:
            failure, now = error, monotonic()
            self._locks_expected_until = now + LOCKS_EXPECTED_SECONDS
            isolate_until = isolate_until or now + ISOLATE_SECONDS
            if now > isolate_until:
                return [error] * len(items)
        if len(items) == 1:
            return [failure]
        middle = len(items) // 2
        return [
            *await self._split(work, items[:middle], isolate_until, one_statement=one_statement),
            *await self._split(work, items[middle:], isolate_until, one_statement=one_statement),
        ]

    async def _timed(
        self,
        connection: Any,
        work: Callable[[Any, Sequence[Item]], Awaitable[list[Result]]],
        items: Sequence[Item],
    ) -> list[Result]:
        if monotonic() < self._locks_expected_until:
            await connection.execute(self._short_locks)
        return await work(connection, items)
