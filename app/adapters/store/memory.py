"""The store in memory: the twin of PostgreSQL, for tests and for trying things out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from math import inf

from app.adapters.clock import SystemClock
from app.adapters.store.cursor import Position, decode_cursor, encode_cursor, page_size
from app.adapters.store.facts import (
    Move,
    accepted_row,
    ended_row,
    move_of_wait,
    move_row,
    put_row,
)
from app.adapters.store.memory_calls import Call, attempt_of
from app.adapters.store.memory_letters import MemoryLetters
from app.adapters.store.memory_quality import MemoryQuality
from app.adapters.store.memory_views import MemoryViews
from app.adapters.store.text import clean_optional, clean_text
from app.core.costs import Costs, costs_by_model
from app.core.lifecycle import Status, Turn, is_over
from app.core.questions import CallKey, StoredQuestion
from app.ports import (
    Accepted,
    Busy,
    CallAnswer,
    CallFailure,
    Claim,
    Claimed,
    ClaimRequest,
    Clock,
    DeadLetterRow,
    Ending,
    Over,
    Overdue,
    Page,
    StoredVerdict,
    SweepLimits,
    Waiting,
)


class MemoryStore(MemoryLetters, MemoryViews, MemoryQuality):
    """Implements `AnswerStore`. Leases run on the `now` of the requests.

    `clock` gives the start of a call that was never claimed, and tells whether a lease ran out when
    a failure comes in.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        super().__init__()
        self._clock: Clock = clock or SystemClock()
        self._calls: dict[CallKey, Call] = {}
        #: By question and round.
        self._deadlines: dict[tuple[str, int], float] = {}
        self._swept: dict[tuple[str, int], float] = {}

    async def accept(self, questions: Sequence[Accepted]) -> set[str]:
        for fact in questions:
            self._put(accepted_row(fact))
        return {
            fact.question_id
            for fact in questions
            if (row := self._questions[clean_text(fact.question_id)]).status.final
            and row.turn.round >= fact.turn.round
        }

    async def claim(self, request: ClaimRequest) -> Claim:
        key = _clean_key(request.call)
        call = self._calls.get(key)
        if call is not None:
            if call.answer is not None:
                return call.answer
            if call.failure is not None:
                return call.failure
        row = self._questions.get(key.question_id)
        if row is not None and is_over(row.turn, row.status, key.turn):
            return Over()
        if call is not None and call.lease_until > request.now:
            return Busy(call.owner)
        self._calls[key] = Call(
            model=clean_text(request.model),
            owner=clean_text(request.owner),
            started_at=request.now,
            lease_until=request.now + request.lease_seconds,
            waited_seconds=request.waited_seconds,
            claims=call.claims + 1 if call is not None else 1,
            strategy=clean_optional(request.strategy),
            temperature=request.temperature,
            seed=request.seed,
            verdict=call.verdict if call is not None else None,
        )
        self._move(Move(key.question_id, key.turn, Status.ASKING))
        row = self._questions.get(key.question_id)
        if request.deadline_at is not None and row is not None and row.turn == key.turn:
            self._deadlines[key.question_id, key.round] = request.deadline_at
        return Claimed()

    async def renew(self, owner: str, lease_seconds: float, now: float) -> int:
        mine = [call for call in self._calls.values() if call.open and call.owner == owner]
        for call in mine:
            call.lease_until = now + lease_seconds
        return len(mine)

    async def unclaim(self, call: CallKey, owner: str, *, made: bool = False) -> None:
        key = _clean_key(call)
        row = self._calls.get(key)
        if row is None or not row.open or row.owner != clean_text(owner):
            return
        if not made:
            row.claims -= 1
        if not row.claims:
            del self._calls[key]
            return
        row.owner, row.lease_until = "", 0.0

    async def record_answer(self, call: CallKey, owner: str, answer: CallAnswer) -> bool:
        row = self._call(call, owner, self._clock.now() - answer.seconds)
        if not row.open:
            return False
        row.owner = owner
        row.claims = max(row.claims, 1)
        row.answer = replace(
            answer,
            text=clean_text(answer.text),
            finish_reason=clean_optional(answer.finish_reason),
        )
        self._move(Move(clean_text(call.question_id), call.turn, Status.JUDGING))
        return True

    async def record_failure(self, call: CallKey, owner: str, failure: CallFailure) -> bool:
        row = self._call(call, owner, failure.failed_at - failure.seconds)
        claimed_by_another = row.owner != owner and row.lease_until > self._clock.now()
        if not row.open or claimed_by_another:
            return False
        row.owner = owner
        row.claims = max(row.claims, 1)
        row.failure = replace(
            failure, cause=clean_text(failure.cause), detail=clean_text(failure.detail)
        )
        return True

    async def verdict(self, call: CallKey) -> StoredVerdict | None:
        row = self._calls.get(_clean_key(call))
        return row.verdict if row is not None else None

    async def record_verdict(self, call: CallKey, verdict: StoredVerdict) -> StoredVerdict:
        row = self._call(call, "", self._clock.now(), claims=0)
        if row.verdict is None:
            row.verdict = replace(
                verdict,
                why=clean_text(verdict.why),
                metric=clean_optional(verdict.metric),
                scorer=clean_optional(verdict.scorer),
                library=clean_optional(verdict.library),
                gate=clean_optional(verdict.gate),
            )
        return row.verdict

    async def waiting(self, waits: Sequence[Waiting]) -> set[str]:
        for wait in waits:
            self._move(move_of_wait(wait))
        stored = ((wait, self._questions.get(clean_text(wait.question_id))) for wait in waits)
        return {
            wait.question_id
            for wait, row in stored
            if row is not None and is_over(row.turn, row.status, wait.turn)
        }

    async def finish(
        self, endings: Sequence[Ending], dead_letters: Sequence[DeadLetterRow] = ()
    ) -> None:
        for ending in endings:
            self._put(ended_row(ending))
        for letter in dead_letters:
            self._bury(letter)

    async def costs(self, question_ids: Sequence[str] | None = None) -> dict[str, Costs]:
        wanted = None if question_ids is None else set(map(clean_text, question_ids))
        return costs_by_model(
            attempt_of(key, call)
            for key, call in self._calls.items()
            if wanted is None or key.question_id in wanted
        )

    async def question(self, question_id: str) -> StoredQuestion | None:
        row = self._questions.get(clean_text(question_id))
        if row is None:
            return None
        calls = sorted(key for key in self._calls if key.question_id == row.question_id)
        return replace(row, attempts=tuple(attempt_of(key, self._calls[key]) for key in calls))

    async def questions_by_id(self, question_ids: Sequence[str]) -> list[StoredQuestion]:
        found = [await self.question(question_id) for question_id in question_ids]
        return [row for row in found if row is not None]

    async def statuses(self, question_ids: Sequence[str]) -> dict[str, tuple[Status, Turn]]:
        return {
            question_id: (row.status, row.turn)
            for question_id in question_ids
            if (row := self._questions.get(clean_text(question_id))) is not None
        }

    async def questions(
        self, *, status: Status | None = None, limit: int = 50, cursor: str | None = None
    ) -> Page:
        size = page_size(limit)
        below = decode_cursor(cursor) if cursor is not None else None
        rows = sorted(
            (row for row in self._questions.values() if status is None or row.status is status),
            key=_position,
            reverse=True,
        )
        if below is not None:
            rows = [row for row in rows if _position(row) < below]
        page = tuple(rows[:size])
        more = len(rows) > size
        return Page(page, encode_cursor(_position(page[-1])) if more else None)

    async def backlog(self, at_most: int) -> int:
        return min(at_most, sum(not row.status.final for row in self._questions.values()))

    async def counts(self) -> dict[Status, int]:
        return dict(Counter(row.status for row in self._questions.values()))

    async def take_overdue(self, now: float, limits: SweepLimits) -> list[Overdue]:
        taken: list[Overdue] = []
        oldest = now - limits.lost_seconds
        for row in sorted(self._questions.values(), key=_position):
            if row.status.final or len(taken) == limits.batch:
                continue
            key = (row.question_id, row.turn.round)
            deadline_at, swept_at = self._deadlines.get(key), self._swept.get(key, -inf)
            late = (
                deadline_at is not None
                and deadline_at <= now - limits.grace_seconds
                and swept_at <= now - limits.again_seconds
            )
            if late or (row.accepted_at <= oldest and swept_at <= oldest):
                self._swept[key] = now
                taken += [Overdue(q, deadline_at) for q in await self.questions_by_id([key[0]])]
        return taken

    async def check(self) -> str:
        return f"{len(self._questions)} questions in memory"

    async def close(self) -> None:
        pass

    def _put(self, row: StoredQuestion) -> None:
        self._questions[row.question_id] = put_row(self._questions.get(row.question_id), row)

    def _move(self, move: Move) -> None:
        question_id = clean_text(move.question_id)
        if question_id in self._questions:
            self._questions[question_id] = move_row(self._questions[question_id], move)

    def _call(self, call: CallKey, owner: str, started_at: float, claims: int = 1) -> Call:
        """Return a row of the ledger, made when the call was never claimed or was given up."""
        key = _clean_key(call)
        if key not in self._calls:
            question = self._questions.get(key.question_id)
            model = question.model if question else ""
            self._calls[key] = Call(model, owner, started_at, claims=claims)
        return self._calls[key]


def _clean_key(call: CallKey) -> CallKey:
    return call._replace(question_id=clean_text(call.question_id))


def _position(row: StoredQuestion) -> Position:
    return Position(row.accepted_at, row.question_id)
