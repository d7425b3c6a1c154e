"""What a store says of questions that should have ended: the contract of both twins."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import chain
from typing import Any

from app.core.lifecycle import Status, Turn
from app.ports import Accepted, AnswerStore, SweepLimits, Waiting
from tests.adapters.store.contract_facts import FIRST, accepted, answer, call, ending, put, request

LIMITS = SweepLimits(grace_seconds=60, lost_seconds=1000, again_seconds=300, batch=100)
ASKED_AT = 1_700_000_000.0
DEADLINE_AT = ASKED_AT + 500
LATE = DEADLINE_AT + 60


def young(question_id: str = "q", **changes: Any) -> Accepted:
    return accepted(question_id, **{"accepted_at": ASKED_AT, **changes})


async def asked(
    store: AnswerStore,
    question_id: str = "q",
    turn: Turn = FIRST,
    deadline_at: float | None = DEADLINE_AT,
    **facts: Any,
) -> None:
    """A question that was accepted and claimed for the first time."""
    await store.accept([young(question_id, turn=turn, **facts)])
    await store.claim(replace(request(question_id, turn), deadline_at=deadline_at))


async def overdue(store: AnswerStore, now: float, limits: SweepLimits = LIMITS) -> list[str]:
    return sorted(each.question.question_id for each in await store.take_overdue(now, limits))


class OverdueContract:
    """Deadlines, lost questions, and who sweeps them."""

    async def test_a_question_is_overdue_a_grace_after_its_deadline(
        self, store: AnswerStore
    ) -> None:
        await asked(store, trace_context="where it goes on")
        assert await overdue(store, LATE - 1) == []
        [found] = await store.take_overdue(LATE, LIMITS)
        assert found.question.trace_context == "where it goes on"
        assert (found.question.question_id, found.deadline_at) == ("q", DEADLINE_AT)
        assert found.question.status is Status.ASKING
        assert [each.attempt for each in found.question.attempts] == [1]

    async def test_it_is_taken_again_only_after_a_while(self, store: AnswerStore) -> None:
        await asked(store)
        assert await overdue(store, LATE) == ["q"]
        assert await overdue(store, LATE + 299) == []
        assert await overdue(store, LATE + 300) == ["q"]

    async def test_the_deadline_stands_through_the_later_states(self, store: AnswerStore) -> None:
        for number, status in enumerate(("waiting", "judging")):
            await asked(store, status)
            later = Turn(0, 1, 1 + number)
            if status == "waiting":
                await store.waiting([Waiting(status, later, 1.0, "overloaded")])
            else:
                await store.record_answer(call(status), "worker-1", answer())
        assert await overdue(store, LATE) == ["judging", "waiting"]

    async def test_what_has_ended_is_never_overdue(self, store: AnswerStore) -> None:
        for status in Status:
            if status.final:
                await asked(store, str(status))
                await store.finish([ending(str(status), status=status, accepted_at=ASKED_AT)])
        assert await overdue(store, LATE + 1e6) == []

    async def test_without_a_deadline_only_the_lost_are_found(self, store: AnswerStore) -> None:
        await asked(store, "asked", deadline_at=None)
        await store.accept([young("accepted")])
        assert await overdue(store, ASKED_AT + 999) == []
        assert await overdue(store, ASKED_AT + 1000) == ["accepted", "asked"]
        assert await overdue(store, ASKED_AT + 1999) == []
        assert await overdue(store, ASKED_AT + 2000) == ["accepted", "asked"]

    async def test_a_new_round_has_no_deadline_until_it_is_claimed(
        self, store: AnswerStore
    ) -> None:
        await asked(store)
        await overdue(store, LATE)
        await store.finish([ending(status=Status.DEAD, accepted_at=ASKED_AT)])
        second = Turn(1, 1, 1)
        await store.accept([young(turn=second, accepted_at=LATE)])
        assert await overdue(store, LATE + 900) == []
        await store.claim(replace(request("q", second), deadline_at=LATE + 100))
        assert await overdue(store, LATE + 160) == ["q"]

    async def test_a_later_attempt_does_not_lose_the_deadline(self, store: AnswerStore) -> None:
        await asked(store)
        await store.claim(replace(request("q", Turn(0, 1, 2)), deadline_at=None))
        assert await overdue(store, LATE) == ["q"]

    async def test_a_batch_is_bounded_and_the_next_one_goes_on(self, store: AnswerStore) -> None:
        for number in range(5):
            await asked(store, f"q{number}")
        few = replace(LIMITS, batch=2)
        found = [await overdue(store, LATE, few) for _ in range(4)]
        assert [len(each) for each in found] == [2, 2, 1, 0]
        assert sorted(chain.from_iterable(found)) == [f"q{number}" for number in range(5)]

    async def test_two_sweeps_at_once_never_take_the_same(self, store: AnswerStore) -> None:
        for number in range(20):
            await asked(store, f"q{number}")
        found = await asyncio.gather(*(overdue(store, LATE) for _ in range(4)))
        taken = sorted(chain.from_iterable(found))
        assert len(taken) == len(set(taken))

    async def test_states_alone_make_nothing_overdue(self, store: AnswerStore) -> None:
        for number, status in enumerate(Status):
            await put(store, f"q{number}", FIRST, status)
        assert await overdue(store, 1_700_000_900.0) == []
