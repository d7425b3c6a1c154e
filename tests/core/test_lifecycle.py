"""Which fact about a question replaces which: an order without cycles, and ends that stay."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.lifecycle import ANSWERED, FINAL, PROGRESS, Status, Turn, is_over, supersedes

TURNS = st.builds(Turn, st.integers(0, 2), st.integers(1, 3), st.integers(1, 3))
FACTS = st.tuples(TURNS, st.sampled_from(Status))
Fact = tuple[Turn, Status]


def replaces(new: Fact, old: Fact) -> bool:
    return supersedes(*old, *new)


def left_of(facts: list[Fact]) -> Fact:
    """What is stored after the facts arrived in this order."""
    kept = facts[0]
    for fact in facts[1:]:
        kept = fact if replaces(fact, kept) else kept
    return kept


def test_every_status_is_final_or_has_its_place() -> None:
    assert {*FINAL, *PROGRESS} == set(Status)
    assert set(FINAL - ANSWERED) == {Status.DEAD}
    assert all(status.final == (status in FINAL) for status in Status)


@given(FACTS)
def test_a_repeat_changes_nothing(fact: Fact) -> None:
    assert not replaces(fact, fact)


@given(FACTS, FACTS)
def test_no_two_facts_replace_each_other(a: Fact, b: Fact) -> None:
    assert not (replaces(a, b) and replaces(b, a))


@given(FACTS, FACTS, FACTS)
def test_the_order_has_no_cycle(a: Fact, b: Fact, c: Fact) -> None:
    if replaces(a, b) and replaces(b, c):
        assert replaces(a, c)


@given(FACTS, FACTS)
def test_only_two_ends_of_one_round_are_not_ordered(a: Fact, b: Fact) -> None:
    if a == b or replaces(a, b) or replaces(b, a):
        return
    assert a[0].round == b[0].round
    assert a[1].final
    assert b[1].final


@given(st.lists(FACTS, min_size=1, max_size=4).filter(lambda f: sum(s.final for _, s in f) <= 1))
def test_the_order_of_arrival_does_not_matter_while_there_is_one_end(facts: list[Fact]) -> None:
    assert len({left_of(list(order)) for order in permutations(facts)}) == 1


@given(FACTS, FACTS)
def test_within_a_round_an_end_never_moves(old: Fact, new: Fact) -> None:
    if old[1].final and old[0].round == new[0].round:
        assert not replaces(new, old)


@given(FACTS, FACTS)
def test_a_later_round_always_wins(old: Fact, new: Fact) -> None:
    if new[0].round > old[0].round:
        assert replaces(new, old)


@pytest.mark.parametrize("late", [Status.ASKING, Status.WAITING, Status.JUDGING])
def test_a_late_first_attempt_can_not_overwrite_the_second(late: Status) -> None:
    assert not supersedes(Turn(0, 1, 2), Status.ASKING, Turn(0, 1, 1), late)


def test_a_round_is_over_when_it_has_ended_or_a_later_one_has_begun() -> None:
    turn = Turn(1, 2, 3)
    for status in Status:
        assert is_over(turn, status, turn) is status.final
        assert is_over(turn, status, Turn(0, 9, 9))
        assert not is_over(turn, status, Turn(2, 1, 1))
