"""What answers cost, from the rows of the ledger."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from app.core.costs import Costs, cost_of, costs_by_model, costs_json, costs_of_json, merged, total
from app.core.questions import Attempt


def attempt(model: str = "m", **facts: Any) -> Attempt:
    return Attempt(round=0, generation=1, attempt=1, model=model, started_at=1e9, **facts)


def test_an_answer_costs_one_call_its_tokens_and_its_seconds() -> None:
    row = attempt(answer="Yes.", seconds=1.5, tokens=3, prompt_tokens=20)
    assert cost_of(row) == Costs(calls=1, answered=1, prompt_tokens=20, tokens=3, seconds=1.5)


def test_a_failure_costs_a_call_and_time() -> None:
    row = attempt(cause="timeout", seconds=120.0)
    assert cost_of(row) == Costs(calls=1, failed=1, seconds=120.0)


def test_every_start_beyond_the_first_may_be_a_second_payment() -> None:
    row = attempt(claims=3, answer="Yes.", seconds=1.0, tokens=1)
    assert (cost_of(row).calls, cost_of(row).repeated, cost_of(row).answered) == (3, 2, 1)


def test_a_call_that_has_not_ended_is_a_call() -> None:
    assert cost_of(attempt()) == Costs(calls=1)


def test_a_row_that_was_never_called_from_here_costs_nothing() -> None:
    assert cost_of(attempt(claims=0)) == Costs()
    assert costs_by_model([attempt(claims=0)]) == {}


def test_answers_without_figures_are_said_to_be_missing() -> None:
    assert cost_of(attempt(answer="Yes.", seconds=1.0)).untold == 1
    assert cost_of(attempt(answer="", tokens=0, seconds=1.0)).untold == 0
    assert cost_of(attempt(cause="timeout", seconds=1.0)).untold == 0


def test_models_are_counted_apart_because_their_prices_differ() -> None:
    rows = [attempt("a", tokens=1), attempt("b", tokens=2), attempt("a", tokens=4)]
    found = costs_by_model(rows)
    assert {model: costs.tokens for model, costs in found.items()} == {"a": 5, "b": 2}
    assert total(found).tokens == 7


rows = st.builds(
    attempt,
    model=st.sampled_from("ab"),
    answer=st.none() | st.just("x"),
    tokens=st.none() | st.integers(0, 1000),
    prompt_tokens=st.none() | st.integers(0, 1000),
    claims=st.integers(0, 5),
    seconds=st.none() | st.integers(0, 100).map(float),
)


@given(st.lists(rows), st.integers(0, 100))
def test_parts_add_up_to_the_whole(found: list[Attempt], cut: int) -> None:
    parts = [costs_by_model(found[:cut]), costs_by_model(found[cut:])]
    assert merged(parts) == costs_by_model(found)


@given(st.lists(rows))
def test_what_is_shown_can_be_read_back(found: list[Attempt]) -> None:
    by_model = costs_by_model(found)
    shown = costs_json(by_model)
    assert costs_of_json(shown) == by_model
    assert shown["total"] == total(by_model).as_json()
