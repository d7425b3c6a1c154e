"""What every store keeps of model calls: claims, outcomes, verdicts."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import pytest

from app.core.gate import Score
from app.core.lifecycle import Status, Turn
from app.core.questions import CallKey
from app.ports import (
    AnswerStore,
    Busy,
    CallAnswer,
    Claimed,
    Over,
    StoredVerdict,
    Waiting,
)
from tests.adapters.store.contract_facts import (
    SCORE,
    VERDICT,
    accepted,
    answer,
    call,
    claimed_by_polling,
    ending,
    failure,
    request,
    stored,
)


class LedgerContract:
    async def test_a_claim_is_granted_once(self, store: AnswerStore) -> None:
        await store.accept([accepted()])
        assert await store.claim(request()) == Claimed()
        assert await store.claim(request(owner="worker-2")) == Busy("worker-1")
        assert await store.claim(request()) == Busy("worker-1")
        assert (await stored(store)).status is Status.ASKING

    async def test_a_hundred_at_once_are_one_flight(self, store: AnswerStore) -> None:
        claims = await asyncio.gather(
            *(store.claim(request(owner=f"worker-{number}")) for number in range(100))
        )
        assert claims.count(Claimed()) == 1
        assert sum(isinstance(claim, Busy) for claim in claims) == 99

    async def test_calls_are_claimed_apart(self, store: AnswerStore) -> None:
        turns = [Turn(0, 1, 1), Turn(0, 1, 2), Turn(0, 2, 1), Turn(1, 1, 1)]
        claims = await asyncio.gather(*(store.claim(request(turn=turn)) for turn in turns))
        assert claims == [Claimed()] * 4

    async def test_a_lease_that_ran_out_is_free(self, store: AnswerStore) -> None:
        assert await store.claim(request(lease=1.0)) == Claimed()
        assert await store.claim(request(owner="worker-2")) == Busy("worker-1")
        assert await claimed_by_polling(store, owner="worker-2") == Claimed()
        assert await store.claim(request()) == Busy("worker-2")

    @pytest.mark.parametrize("status", [Status.VALIDATED, Status.DEAD])
    async def test_a_round_that_is_over_gets_no_call(
        self, store: AnswerStore, status: Status
    ) -> None:
        second = Turn(0, 1, 2)
        await store.accept([accepted()])
        await store.claim(request())
        await store.record_answer(call(), "worker-1", answer())
        await store.finish([ending(status=status)])
        assert await store.claim(request(turn=second)) == Over()
        assert await store.claim(request()) == answer(), "what it cost is there to be used"
        later = Turn(1, 1, 1)
        assert await store.claim(request(turn=later)) == Claimed()
        assert await store.claim(request(turn=Turn(0, 2, 1), owner="worker-2")) == Over()
        [question] = await store.questions_by_id(["q"])
        assert {each.round for each in question.attempts} == {0, 1}
        assert len(question.attempts) == 2

    async def test_a_claim_of_a_killed_worker_is_over_with_its_round(
        self, store: AnswerStore
    ) -> None:
        await store.accept([accepted()])
        await store.claim(request(turn=Turn(0, 1, 2)))
        await store.finish([ending(status=Status.DEAD)])
        assert await store.claim(request(turn=Turn(0, 1, 2), owner="worker-2")) == Over()

    async def test_a_renewed_lease_holds(self, store: AnswerStore) -> None:
        await store.claim(request("mine", lease=0.2))
        await store.claim(request("also-mine", lease=0.2))
        await store.claim(request("answered", lease=0.2))
        await store.record_answer(call("answered"), "worker-1", answer())
        await store.claim(request("other", owner="worker-2", lease=0.2))
        assert await store.renew("worker-1", 60, time.time()) == 2
        assert await claimed_by_polling(store, question_id="other") == Claimed()
        assert await store.claim(request("mine", owner="worker-3")) == Busy("worker-1")
        assert await store.renew("nobody", 60, time.time()) == 0

    async def test_an_unclaimed_call_is_free_at_once(self, store: AnswerStore) -> None:
        await store.claim(request())
        await store.unclaim(call(), "worker-2")  # not his
        assert await store.claim(request(owner="worker-2")) == Busy("worker-1")
        await store.unclaim(call(), "worker-1")
        assert await store.claim(request(owner="worker-2")) == Claimed()

    async def test_an_answer_is_not_unclaimed(self, store: AnswerStore) -> None:
        await store.claim(request())
        await store.record_answer(call(), "worker-1", answer())
        await store.unclaim(call(), "worker-1")
        assert await store.claim(request()) == answer()

    async def test_the_first_answer_stays(self, store: AnswerStore) -> None:
        await store.accept([accepted()])
        await store.claim(request())
        assert await store.record_answer(call(), "worker-1", answer("one"))
        assert not await store.record_answer(call(), "worker-1", answer("two"))
        assert not await store.record_failure(call(), "worker-1", failure())
        assert await store.claim(request(owner="worker-2")) == answer("one")
        assert (await stored(store)).status is Status.JUDGING

    async def test_the_first_failure_stays(self, store: AnswerStore) -> None:
        await store.claim(request())
        assert await store.record_failure(call(), "worker-1", failure())
        assert not await store.record_failure(call(), "worker-1", failure("timeout"))
        assert not await store.record_answer(call(), "worker-1", answer())
        assert await store.claim(request()) == failure()

    async def test_of_answers_that_come_together_one_is_kept(self, store: AnswerStore) -> None:
        await store.claim(request())
        kept = await asyncio.gather(
            *(store.record_answer(call(), "worker-1", answer(str(n))) for n in range(20))
        )
        assert kept.count(True) == 1
        assert await store.claim(request()) == answer(str(kept.index(True)))

    async def test_a_late_answer_reaches_the_ledger_from_whoever_made_the_call(
        self, store: AnswerStore
    ) -> None:
        await store.claim(request(lease=0.05))
        assert await claimed_by_polling(store, owner="worker-2") == Claimed()
        assert await store.record_answer(call(), "worker-1", answer("late"))
        assert not await store.record_answer(call(), "worker-2", answer("later"))
        assert await store.claim(request()) == answer("late")

    async def test_a_late_failure_does_not_end_the_call_of_the_new_owner(
        self, store: AnswerStore
    ) -> None:
        await store.claim(request(lease=0.05))
        assert await claimed_by_polling(store, owner="worker-2") == Claimed()
        assert not await store.record_failure(call(), "worker-1", failure())
        assert await store.record_answer(call(), "worker-2", answer())

    async def test_an_answer_to_a_call_that_was_given_up_is_kept(self, store: AnswerStore) -> None:
        await store.accept([accepted()])
        await store.claim(request())
        await store.unclaim(call(), "worker-1")
        assert await store.record_answer(call(), "worker-1", answer())
        [attempt] = (await stored(store)).attempts
        assert (attempt.model, attempt.answer) == ("smol", "Santiago")

    async def test_an_empty_answer_is_an_answer(self, store: AnswerStore) -> None:
        await store.claim(request())
        assert await store.record_answer(call(), "worker-1", CallAnswer("", 0.5))
        assert await store.claim(request()) == CallAnswer("", 0.5)

    async def test_the_first_verdict_is_in_force(self, store: AnswerStore) -> None:
        await store.claim(request())
        await store.record_answer(call(), "worker-1", answer())
        assert await store.verdict(call()) is None
        other = StoredVerdict(Status.LOW_QUALITY, Score(0.1, 0.2, -0.3), 0.75, "f1", "x", "low")
        verdicts = await asyncio.gather(
            store.record_verdict(call(), VERDICT), store.record_verdict(call(), other)
        )
        assert verdicts == [VERDICT, VERDICT]
        assert await store.record_verdict(call(), other) == VERDICT
        assert await store.verdict(call()) == VERDICT

    async def test_a_verdict_may_have_no_score(self, store: AnswerStore) -> None:
        unscored = StoredVerdict(Status.UNSCORED, None, None, None, None, "no reference")
        assert await store.record_verdict(call(), unscored) == unscored
        assert await store.verdict(call()) == unscored

    async def test_attempts_are_read_in_order_with_what_became_of_them(
        self, store: AnswerStore
    ) -> None:
        await store.accept([accepted()])
        turns = [Turn(0, 1, 10), Turn(0, 2, 1), Turn(0, 1, 2)]
        await asyncio.gather(*(store.claim(request(turn=turn)) for turn in turns))
        await store.record_failure(call(turn=Turn(0, 1, 2)), "worker-1", failure())
        await store.record_answer(call(turn=Turn(0, 1, 10)), "worker-1", answer())
        await store.record_verdict(call(turn=Turn(0, 1, 10)), VERDICT)
        first, second, third = (await stored(store)).attempts
        assert (first.attempt, first.cause, first.answer) == (2, "overloaded", None)
        assert (first.seconds, first.waited_seconds) == (0.25, 1.5)
        assert (second.attempt, second.answer, second.score) == (10, "Santiago", SCORE)
        assert (second.tokens, second.seconds) == (12, 0.75)
        assert [each.why for each in (first, second, third)] == [None, VERDICT.why, None]
        assert [each.verdict for each in (first, second, third)] == [None, VERDICT.status, None]
        assert (second.metric, second.threshold, second.gate, second.scorer, second.library) == (
            ("f1", 0.75, "profile minilm-l6", "minilm-l6:6", "bert-score 0.3.13")
        )
        assert (first.metric, first.gate, first.scorer, first.library) == (None,) * 4
        assert (third.generation, third.answer, third.cause) == (2, None, None)
        assert third.started_at == pytest.approx(time.time(), abs=30)

    async def test_an_attempt_tells_how_it_was_asked_the_last_time(
        self, store: AnswerStore
    ) -> None:
        await store.accept([accepted()])
        asked = replace(request(), strategy="plain + Spanish", temperature=0.6, seed=2**31 - 1)
        await store.claim(replace(asked, strategy="plain", seed=1, lease_seconds=0.0))
        assert await store.claim(asked) == Claimed()
        await store.claim(request(turn=Turn(0, 2, 1)))
        first, second = (await stored(store)).attempts
        assert (first.strategy, first.temperature) == ("plain + Spanish", 0.6)
        assert (first.seed, first.claims) == (2**31 - 1, 2)
        assert (second.strategy, second.temperature, second.seed) == (None, None, None)

    async def test_a_cancelled_claim_stands_in_nobodys_way(self, store: AnswerStore) -> None:
        claims = [asyncio.create_task(store.claim(request(f"q{n}"))) for n in range(5)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        for claim in claims[1:]:
            claim.cancel()
        await asyncio.wait(claims)
        assert claims[0].result() == Claimed()
        for number in range(1, 5):
            if claims[number].cancelled():
                assert await claimed_by_polling(store, question_id=f"q{number}") == Claimed()

    async def test_many_workers_on_the_same_calls_never_deadlock(self, store: AnswerStore) -> None:
        calls = [call(f"q{n}") for n in range(50)]
        await store.accept([accepted(f"q{n}") for n in range(50)])

        async def work(owner: str, keys: list[CallKey]) -> int:
            won = 0
            for key in keys:
                claim = await store.claim(request(key.question_id, owner=owner))
                if claim == Claimed():
                    won += 1
                    await store.record_answer(key, owner, answer())
                    await store.record_verdict(key, VERDICT)
                await store.waiting([Waiting(key.question_id, key.turn, 1.0, "overloaded")])
            return won

        orders = [calls, calls[::-1], calls[25:] + calls[:25]]
        won = await asyncio.gather(
            *(work(f"worker-{n}", orders[n % 3]) for n in range(12)),
            store.finish([ending(f"q{n}") for n in range(49, 9, -1)]),
            store.accept([accepted(f"q{n}") for n in range(50)]),
        )
        rows = await store.questions_by_id([each.question_id for each in calls])
        made = sum(len(row.attempts) for row in rows)
        assert sum(each for each in won if isinstance(each, int)) == made
        assert made >= 10, "the first ten questions never ended: each was asked"
