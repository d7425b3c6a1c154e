"""When table entries may go."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tables.forgetting import Forgetting


def test_entries_outlive_their_question_by_the_grace_and_come_out_once() -> None:
    forgetting = Forgetting(10.0)
    forgetting.add(0, "a", 100.0)
    forgetting.add(0, "b", 105.0)
    assert forgetting.take_old(0, 109.9) == []
    assert forgetting.take_old(0, 110.0) == ["a"]
    assert forgetting.take_old(0, 200.0) == ["b"]
    assert forgetting.take_old(0, 200.0) == []


def test_partitions_are_apart_and_a_recovery_starts_anew() -> None:
    forgetting = Forgetting(0.0)
    forgetting.add(0, "a", 1.0)
    forgetting.add(1, "b", 1.0)
    assert forgetting.take_old(1, 2.0) == ["b"]
    forgetting.clear()
    assert forgetting.take_old(0, 2.0) == []


@given(st.none() | st.floats(0, 1e10), st.floats(0, 1e10))
def test_a_question_that_goes_on_is_never_old(settled_at: float | None, now: float) -> None:
    old = Forgetting(600.0).is_old(settled_at, now)
    assert old == (settled_at is not None and settled_at + 600 <= now)
