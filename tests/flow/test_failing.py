"""Model calls that fail: how long they wait, how often they are made again, how they end."""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import pairwise
from typing import Any

import msgspec
import pytest

from app.adapters.llm.memory import ScriptedModel
from app.core.causes import CauseTable
from app.core.failures import CAUSES, Route
from app.core.lifecycle import Status
from app.core.retry import RetryPolicy
from app.errors import LlmFailed, llm_failed
from models.questions import RetryDue
from tables.retries import HeldCall
from tests.flow.engine import LIMITS, QUICK, make_ports, question, running

OVERLOADED = llm_failed(CAUSES["overloaded"], "busy", status=503)
LIMITED = llm_failed(CAUSES["rate_limited"], "slow down", status=429)
BAD = llm_failed(CAUSES["bad_request"], "no", status=400)
LONGEST_DELAY = 1.5


def scripted(*steps: LlmFailed | str) -> ScriptedModel:
    return ScriptedModel(lambda prompt: "An answer", {"Why?": list(steps)})


def gaps_of(model: ScriptedModel) -> list[float]:
    at = [call.at for call in model.calls_of("Why?")]
    return [later - earlier for earlier, later in pairwise(at)]


async def ask_why(model: ScriptedModel, **options: Any) -> Any:
    async with running(make_ports(model=model), **options) as engine:
        asked = question("Why?")
        await engine.submit(asked)
        return await engine.final(asked.question_id)


async def test_overloads_are_asked_again_after_growing_waits() -> None:
    model = scripted(OVERLOADED, OVERLOADED, OVERLOADED)
    row = await ask_why(model)
    assert row.status is Status.VALIDATED
    gaps = gaps_of(model)
    assert len(gaps) == 3
    for gap, nominal in zip(gaps, (0.05, 0.1, 0.2), strict=True):
        assert nominal <= gap <= nominal + LONGEST_DELAY, gaps
    assert [a.cause for a in row.attempts] == ["overloaded"] * 3 + [None]
    waited = [a.waited_seconds for a in row.attempts]
    assert waited[0] == 0
    assert all(w >= n for w, n in zip(waited[1:], (0.05, 0.1, 0.2), strict=True))


async def test_rate_limits_wait_the_fixed_time_each() -> None:
    model = scripted(LIMITED, LIMITED)
    row = await ask_why(model)
    assert row.status is Status.VALIDATED
    assert all(0.3 <= gap <= 0.3 + LONGEST_DELAY for gap in gaps_of(model))


@pytest.mark.parametrize("cause", ["overloaded", "rate_limited"])
async def test_a_retry_after_wins_and_is_never_early(cause: str) -> None:
    asked_for = llm_failed(CAUSES[cause], "later", retry_after_seconds=1.2)
    model = scripted(asked_for)
    await ask_why(model)
    [gap] = gaps_of(model)
    assert 1.2 <= gap <= 1.2 + LONGEST_DELAY


@pytest.mark.parametrize("absurd", [-5.0, 1e12, float("inf"), float("nan")])
async def test_an_absurd_retry_after_stops_nothing(absurd: float) -> None:
    """What an adapter hands on may be anything: the question waits, it does not die."""
    model = scripted(llm_failed(CAUSES["overloaded"], "later", retry_after_seconds=absurd))
    async with running(make_ports(model=model)) as engine:
        asked = question("Why?")
        await engine.submit(asked)
        row = await engine.in_state(asked.question_id, "waiting validated")
    assert row.cause in {None, "overloaded"}


async def test_exhausted_retries_are_dead_with_their_cause() -> None:
    policy = replace(QUICK, overload_max_retries=2)
    model = scripted(*[OVERLOADED] * 9)
    row = await ask_why(model, limits=replace(LIMITS, policy=policy))
    assert (row.status, row.cause) == (Status.DEAD, "overload_retries_exhausted")
    assert len(model.calls) == 3


async def test_exhausted_retries_keep_the_best_answer_so_far() -> None:
    policy = replace(QUICK, quota_max_retries=1)
    model = scripted("An x y", LIMITED, LIMITED)
    row = await ask_why(model, limits=replace(LIMITS, policy=policy))
    assert (row.status, row.cause) == (Status.DEAD, "quota_retries_exhausted")
    assert row.answer == "An x y"
    assert row.score.f1 == pytest.approx(0.4)


async def test_retries_are_counted_for_the_question_not_for_each_generation() -> None:
    policy = replace(QUICK, overload_max_retries=2)
    model = scripted(OVERLOADED, "wrong", OVERLOADED, "wrong", OVERLOADED)
    row = await ask_why(model, limits=replace(LIMITS, policy=policy))
    assert (row.status, row.cause) == (Status.DEAD, "overload_retries_exhausted")
    assert len(model.calls) == 5


@pytest.mark.parametrize(
    "cause", [name for name, cause in CAUSES.items() if cause.route is Route.DEAD]
)
async def test_what_time_can_not_heal_is_dead_after_one_call(cause: str) -> None:
    model = scripted(llm_failed(CAUSES[cause], "the server's words"))
    async with running(make_ports(model=model)) as engine:
        asked = question("Why?")
        await engine.submit(asked)
        row = await engine.final(asked.question_id)
        await engine.idle()
        [letter] = engine.records(engine.names.dead_letters)
    assert (row.status, row.cause, len(model.calls)) == (Status.DEAD, cause, 1)
    assert (letter.detail, letter.origin_topic) == ("the server's words", "llm-responses-error")


async def test_a_deadline_that_is_over_ends_the_question() -> None:
    policy = replace(QUICK, overload_base_seconds=0.4)
    model = scripted(*[OVERLOADED] * 9)
    async with running(make_ports(model=model), limits=replace(LIMITS, policy=policy)) as engine:
        asked = question("Why?", deadline_seconds=0.2)
        await engine.submit(asked)
        row = await engine.final(asked.question_id)
    assert (row.status, row.cause, len(model.calls)) == (Status.DEAD, "deadline", 1)


async def test_a_wait_that_would_outlast_the_deadline_is_not_begun() -> None:
    policy = replace(QUICK, quota_delay_seconds=300.0)
    model = scripted(LIMITED)
    async with running(make_ports(model=model), limits=replace(LIMITS, policy=policy)) as engine:
        asked = question("Why?", deadline_seconds=60.0)
        await engine.submit(asked)
        row = await engine.final(asked.question_id)
        assert engine.messages(engine.names.retries_due) == []
    assert (row.status, row.cause, len(model.calls)) == (Status.DEAD, "deadline", 1)


async def test_the_deadline_counts_from_the_first_call_not_from_acceptance() -> None:
    async with running(make_ports()) as engine:
        old = question("Why?", deadline_seconds=5.0, accepted_at=time.time() - 3600)
        await engine.submit(old)
        assert (await engine.final(old.question_id)).status is Status.VALIDATED


async def test_a_long_wait_does_not_delay_a_short_one() -> None:
    policy = replace(QUICK, quota_delay_seconds=300.0)
    model = scripted(OVERLOADED)
    for n in range(200):
        model.script(f"Long {n}?", LIMITED)
    async with running(make_ports(model=model), limits=replace(LIMITS, policy=policy)) as engine:
        long = [question(f"Long {n}?") for n in range(200)]
        await engine.submit(*long)
        await engine.in_state(long[-1].question_id, "waiting")
        short = question("Why?")
        started = time.monotonic()
        await engine.submit(short)
        await engine.final(short.question_id)
        assert time.monotonic() - started < 5
        counts = await engine.ports.store.counts()
    assert counts[Status.WAITING] == 200


async def test_a_failure_that_is_delivered_twice_re_arms_nothing() -> None:
    model = scripted(OVERLOADED, OVERLOADED)
    async with running(make_ports(model=model)) as engine:
        asked = question("Why?")
        await engine.submit(asked)
        await engine.final(asked.question_id)
        for raw in engine.messages(engine.names.errors_overload) * 2:
            await engine.send_raw(engine.names.errors_overload, raw.key, raw.value)
        for raw in engine.messages(engine.names.llm_responses_error):
            await engine.send_raw(engine.names.llm_responses_error, raw.key, raw.value)
        await engine.idle()
        assert len(engine.app.context.ports.model.calls) == 3
        assert len(engine.messages(engine.names.llm_requests)) == 3


async def test_a_failure_delivered_twice_while_it_waits_keeps_its_due_time() -> None:
    policy = RetryPolicy(overload_base_seconds=1.0, jitter=0.2)
    model = scripted(OVERLOADED)
    async with running(make_ports(model=model), limits=replace(LIMITS, policy=policy)) as engine:
        asked = question("Why?")
        await engine.submit(asked)
        before = await engine.in_state(asked.question_id, "waiting")
        await engine.idle()
        [raw] = engine.messages(engine.names.errors_overload)
        for _ in range(5):
            await engine.send_raw(engine.names.errors_overload, raw.key, raw.value)
        await engine.idle()
        stored = engine.app.tables["retries"][asked.question_id]
        kept = msgspec.json.decode(stored, type=HeldCall)
        assert kept.due_at == before.due_at
        assert kept.overloads == 1
        await engine.final(asked.question_id)
    assert len(model.calls) == 2


def due(question_id: str, attempt: int = 1, due_at: float = 1.7e9) -> RetryDue:
    return RetryDue(question_id=question_id, round=0, generation=1, attempt=attempt, due_at=due_at)


async def test_forged_due_words_release_nothing() -> None:
    policy = RetryPolicy(overload_base_seconds=300.0)
    model = scripted(OVERLOADED)
    async with running(make_ports(model=model), limits=replace(LIMITS, policy=policy)) as engine:
        asked = question("Why?")
        await engine.submit(asked)
        await engine.in_state(asked.question_id, "waiting")
        await engine.idle()
        forged = [due("nobody"), due(asked.question_id, 2), due(asked.question_id, 1)]
        await engine.send(engine.names.retries_due, *forged)
        await engine.idle()
        assert len(engine.messages(engine.names.llm_requests)) == 1
        assert (await engine.ports.store.question(asked.question_id)).status is Status.WAITING
    assert len(model.calls) == 1


async def test_five_hundred_waits_that_end_together_are_all_released_once() -> None:
    policy = replace(QUICK, overload_base_seconds=0.5)
    model = ScriptedModel(lambda prompt: "An answer")
    limits = replace(LIMITS, policy=policy, concurrency=64)
    async with running(make_ports(model=model), limits=limits) as engine:
        asked = [question(f"Question {n}?") for n in range(500)]
        for each in asked:
            model.script(each.question_text, OVERLOADED)
        await engine.submit(*asked)
        rows = await engine.finals(*asked)
        await engine.idle()
    assert {row.status for row in rows} == {Status.VALIDATED}
    assert len(model.calls) == 1000


@pytest.mark.parametrize("route", list(Route))
async def test_a_cause_goes_where_the_table_in_force_says(route: Route) -> None:
    table = CauseTable(routes={"context_exceeded": route})
    model = scripted(llm_failed(table["context_exceeded"], "too long"))
    async with running(make_ports(model=model), limits=replace(LIMITS, causes=table)) as engine:
        asked = question("Why?")
        await engine.submit(asked)
        row = await engine.final(asked.question_id)
        await engine.idle()
        held = {
            Route.OVERLOAD: engine.names.errors_overload,
            Route.QUOTA: engine.names.errors_quota,
            Route.DEAD: engine.names.dead_letters,
        }
        assert [len(engine.messages(topic)) for topic in held.values()].count(1) == 1
        assert len(engine.messages(held[route])) == 1
    assert row.status is (Status.DEAD if route is Route.DEAD else Status.VALIDATED)
