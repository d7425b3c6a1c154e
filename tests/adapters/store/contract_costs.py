"""The contract of the figures of cost, kept by the ledger."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.core.costs import Costs, costs_by_model
from app.core.lifecycle import Turn
from app.ports import AnswerStore, Busy, Claimed
from tests.adapters.store.contract_facts import (
    VERDICT,
    accepted,
    answer,
    call,
    claimed_by_polling,
    failure,
    request,
    stored,
)

SECOND = Turn(0, 1, 2)


class CostContract:
    """Inherit, with a fixture `store`."""

    async def test_nothing_has_cost_nothing(self, store: AnswerStore) -> None:
        assert await store.costs() == {}
        assert await store.costs([]) == {}
        assert await store.costs(["unknown"]) == {}

    async def test_calls_tokens_and_seconds_are_added_up_by_model(self, store: AnswerStore) -> None:
        for question_id in ("a", "b"):
            await store.claim(request(question_id))
            await store.record_failure(call(question_id), "worker-1", failure())
            await store.claim(replace(request(question_id, SECOND), model="large"))
            paid = replace(answer(), prompt_tokens=30)
            await store.record_answer(call(question_id, SECOND), "worker-1", paid)
        one = {
            "smol": Costs(calls=1, failed=1, seconds=0.25),
            "large": Costs(calls=1, answered=1, prompt_tokens=30, tokens=12, seconds=0.75),
        }
        assert await store.costs(["a"]) == one
        assert await store.costs(["a", "unknown", "a"]) == one
        both = {model: costs + costs for model, costs in one.items()}
        assert await store.costs(["a", "b"]) == both
        assert await store.costs() == both

    async def test_an_answer_without_figures_is_counted_as_untold(self, store: AnswerStore) -> None:
        await store.claim(request())
        await store.record_answer(call(), "worker-1", replace(answer(), tokens=None))
        [costs] = (await store.costs()).values()
        assert (costs.untold, costs.tokens, costs.prompt_tokens) == (1, 0, 0)

    async def test_prompt_tokens_come_back_with_the_answer(self, store: AnswerStore) -> None:
        await store.claim(request())
        paid = replace(answer(), prompt_tokens=30)
        await store.record_answer(call(), "worker-1", paid)
        assert await store.claim(request()) == paid

    async def test_a_call_that_another_worker_starts_again_may_be_paid_twice(
        self, store: AnswerStore
    ) -> None:
        await store.accept([accepted()])
        await store.claim(request(lease=0.05))
        assert await claimed_by_polling(store, owner="worker-2") == Claimed()
        await store.record_answer(call(), "worker-2", answer())
        [attempt] = (await stored(store)).attempts
        assert attempt.claims == 2
        [costs] = (await store.costs()).values()
        assert (costs.calls, costs.repeated, costs.answered) == (2, 1, 1)

    async def test_a_call_in_progress_is_counted(self, store: AnswerStore) -> None:
        await store.claim(request())
        assert await store.claim(request(owner="worker-2")) == Busy("worker-1")
        assert await store.costs() == {"smol": Costs(calls=1)}

    async def test_a_claim_that_was_given_back_before_the_call_cost_nothing(
        self, store: AnswerStore
    ) -> None:
        await store.claim(request())
        await store.unclaim(call(), "worker-1")
        assert await store.costs() == {}
        await store.claim(request())
        assert await store.costs() == {"smol": Costs(calls=1)}

    async def test_a_call_that_was_given_up_in_the_middle_stays_counted_and_is_free(
        self, store: AnswerStore
    ) -> None:
        await store.claim(request())
        await store.unclaim(call(), "worker-1", made=True)
        assert await store.costs() == {"smol": Costs(calls=1)}
        assert await store.renew("worker-1", 60, 0) == 0, "nobody holds it"
        assert await store.claim(request(owner="worker-2")) == Claimed()
        await store.unclaim(call(), "worker-1", made=True)  # his no more
        await store.unclaim(call(), "worker-2")
        await store.unclaim(call(), "worker-2")  # a repeat
        assert await store.costs() == {"smol": Costs(calls=1)}
        assert await store.claim(request(owner="worker-3")) == Claimed()
        assert (await store.costs())["smol"] == Costs(calls=2, repeated=1)

    async def test_a_verdict_alone_costs_nothing_until_its_answer_comes(
        self, store: AnswerStore
    ) -> None:
        await store.accept([accepted()])
        await store.record_verdict(call(), VERDICT)
        assert await store.costs() == {}
        await store.record_answer(call(), "worker-1", answer())
        [costs] = (await store.costs()).values()
        assert (costs.calls, costs.answered) == (1, 1)

    async def test_an_answer_that_nobody_claimed_was_paid(self, store: AnswerStore) -> None:
        await store.record_answer(call(), "worker-1", answer())
        [costs] = (await store.costs()).values()
        assert (costs.calls, costs.repeated) == (1, 0)

    async def test_the_store_adds_up_as_the_arithmetic_does(self, store: AnswerStore) -> None:
        for number in range(12):
            question_id = f"q{number}"
            await store.accept([accepted(question_id)])
            await store.claim(replace(request(question_id), model=f"m{number % 3}"))
            if number % 2:
                came = replace(answer(), tokens=number, prompt_tokens=number or None)
                await store.record_answer(call(question_id), "worker-1", came)
            elif number % 4:
                await store.record_failure(call(question_id), "worker-1", failure())
        rows = await store.questions_by_id([f"q{number}" for number in range(12)])
        expected = costs_by_model(attempt for row in rows for attempt in row.attempts)
        found = await store.costs()
        assert found.keys() == expected.keys()
        for model, costs in expected.items():
            assert found[model].seconds == pytest.approx(costs.seconds)
            assert replace(found[model], seconds=0) == replace(costs, seconds=0)
