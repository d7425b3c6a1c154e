"""What every store keeps of a question's states: waits, ends, rounds."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import replace

import pytest

from app.core.lifecycle import Status, Turn, supersedes
from app.ports import (
    AnswerStore,
    Waiting,
)
from tests.adapters.store.contract_facts import (
    FIRST,
    accepted,
    answer,
    call,
    ending,
    put,
    request,
    stored,
)


class StateContract:
    @pytest.mark.parametrize("old_status", list(Status))
    async def test_facts_replace_each_other_as_the_lifecycle_says(
        self, store: AnswerStore, old_status: Status
    ) -> None:
        """Every (status, turn) after every other: states in which a store can be put, compared."""
        turns = [Turn(*each) for each in itertools.product((0, 1), (1, 2), (1, 2))]
        cases = list(itertools.product(turns, turns, Status))
        ids = [f"{n:04}" for n in range(len(cases))]
        await asyncio.gather(
            *(
                put(store, each, old_turn, old_status)
                for each, (old_turn, _, _) in zip(ids, cases, strict=True)
            )
        )
        before = await store.statuses(ids)
        await asyncio.gather(
            *(
                put(store, each, new_turn, new_status)
                for each, (_, new_turn, new_status) in zip(ids, cases, strict=True)
            )
        )
        after = await store.statuses(ids)
        for each, (old_turn, new_turn, new_status) in zip(ids, cases, strict=True):
            assert before[each] == (old_status, old_turn)
            replaced = supersedes(old_turn, old_status, new_turn, new_status)
            expected = (new_status, new_turn) if replaced else (old_status, old_turn)
            assert after[each] == expected, (old_turn, old_status, new_turn, new_status)

    async def test_a_wait_shows_its_cause_and_due_time_until_it_is_over(
        self, store: AnswerStore
    ) -> None:
        await store.accept([accepted()])
        await store.claim(request())
        await store.waiting([Waiting("q", FIRST, 1_700_000_055.5, "overloaded")])
        waits = await stored(store)
        assert (waits.status, waits.due_at, waits.cause) == (
            Status.WAITING,
            1_700_000_055.5,
            "overloaded",
        )
        await store.claim(request(turn=Turn(0, 1, 2)))
        asks = await stored(store)
        assert (asks.status, asks.due_at, asks.cause) == (Status.ASKING, None, None)

    @pytest.mark.parametrize("by", ["acceptance", "wait"])
    async def test_a_new_round_has_nothing_of_the_end_before(
        self, store: AnswerStore, by: str
    ) -> None:
        await store.accept([accepted()])
        blank = replace(await stored(store), status=Status.WAITING, turn=Turn(1, 1, 1))
        await store.finish([ending(status=Status.DEAD, cause="unauthorized")])
        if by == "acceptance":
            await store.accept([accepted(turn=Turn(1, 1, 1))])
        await store.waiting([Waiting("q", Turn(1, 1, 1), 7e9, "overloaded")])
        assert await stored(store) == replace(blank, due_at=7e9, cause="overloaded")

    async def test_waiting_for_an_unknown_question_makes_none(self, store: AnswerStore) -> None:
        assert await store.waiting([Waiting("nobody", FIRST, 1.0, "overloaded")]) == set()
        assert await store.waiting([]) == set()
        assert await store.question("nobody") is None

    async def test_for_a_round_that_is_over_there_is_nothing_left_to_wait(
        self, store: AnswerStore
    ) -> None:
        """A failure of the past, replayed when the tables have forgotten its question."""
        await store.finish([ending("ended"), ending("dead", status=Status.DEAD)])
        await store.accept([accepted("dead", Turn(1, 1, 1)), accepted("open")])
        ids = ("ended", "dead", "open", "nobody")
        old = [Waiting(each, Turn(0, 1, 2), 1.0, "overloaded") for each in ids]
        assert await store.waiting(old) == {"ended", "dead"}
        new = [Waiting(each, Turn(1, 1, 1), 1.0, "overloaded") for each in ids]
        assert await store.waiting(new) == set()

    async def test_an_end_is_read_as_it_was_given(self, store: AnswerStore) -> None:
        await store.accept([accepted()])
        await store.finish([ending()])
        question = await stored(store)
        assert question.as_json() | {"attempts": []} == {
            "question_id": "q",
            "status": "validated",
            "question_text": "¿Cuál es la capital de Chile?",
            "original_answer": "Santiago",
            "answer": "Santiago de Chile",
            "precision": 0.81,
            "recall": 0.79,
            "f1": 0.8,
            "threshold": 0.75,
            "metric": "f1",
            "gate": "profile minilm-l6",
            "scorer": "minilm-l6:6",
            "library": "bert-score 0.3.13",
            "rescaled": False,
            "generation": 1,
            "cause": None,
            "why": "f1 0.800 >= 0.750",
            "attempts": [],
            "accepted_at": "2023-11-14T22:13:20.125Z",
            "finished_at": "2023-11-14T22:13:29.500Z",
            "metadata": {"row": 7},
        }

    async def test_the_first_end_of_a_round_stays(self, store: AnswerStore) -> None:
        await store.finish([ending(), ending(status=Status.DEAD, answer=None)])
        await store.finish([ending(turn=Turn(0, 3, 3), status=Status.LOW_QUALITY, answer="other")])
        await store.finish([ending()])
        question = await stored(store)
        assert (question.status, question.answer) == (Status.VALIDATED, "Santiago de Chile")
        assert await store.counts() == {Status.VALIDATED: 1}

    async def test_a_late_attempt_cannot_overwrite_the_end(self, store: AnswerStore) -> None:
        await store.finish([ending(turn=Turn(0, 1, 2))])
        await store.accept([accepted()])
        await store.claim(request())
        await store.record_answer(call(), "worker-1", answer("late"))
        await store.waiting([Waiting("q", Turn(0, 9, 9), 1.0, "overloaded")])
        question = await stored(store)
        assert (question.status, question.answer) == (Status.VALIDATED, "Santiago de Chile")
        assert question.turn == Turn(0, 1, 2)

    async def test_the_end_of_an_earlier_round_does_not_end_this_one(
        self, store: AnswerStore
    ) -> None:
        await store.accept([accepted(turn=Turn(1, 1, 1))])
        await store.finish([ending(status=Status.DEAD)])
        assert (await stored(store)).status is Status.ACCEPTED

    async def test_a_question_that_was_never_accepted_can_end(self, store: AnswerStore) -> None:
        await store.finish(
            [ending(status=Status.DEAD, answer=None, score=None, cause="anti_cycle")]
        )
        question = await stored(store)
        assert (question.status, question.cause) == (Status.DEAD, "anti_cycle")
        assert question.metadata == {"row": 7}
