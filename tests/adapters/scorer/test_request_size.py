"""How many pairs a request holds, by how long the last ones took."""

from __future__ import annotations

from app.adapters.scorer.request_size import RequestSize


def test_it_begins_small_and_doubles_after_quick_answers_to_full_requests() -> None:
    size = RequestSize(most=32, limit_seconds=100.0)
    assert size.pairs == 4
    size.answered(3, 1.0)
    assert size.pairs == 4, "of fewer pairs it says nothing"
    for expected in (8, 16, 32, 32):
        size.answered(size.pairs, 24.0)
        assert size.pairs == expected
    size.answered(32, 90.0)
    assert size.pairs == 32


def test_it_does_not_grow_towards_the_limit() -> None:
    size = RequestSize(most=32, limit_seconds=100.0)
    size.answered(4, 25.0)
    assert size.pairs == 4


def test_half_is_asked_for_after_a_request_that_ran_out_of_time_and_never_less_than_one() -> None:
    size = RequestSize(most=2, limit_seconds=100.0)
    assert size.pairs == 2
    size.ran_out(2)
    size.ran_out(2)  # the other one that was on the way
    assert size.pairs == 1
    size.ran_out(1)
    assert size.pairs == 1
    size.answered(1, 1.0)
    assert size.pairs == 2


def test_a_larger_request_that_was_still_on_the_way_does_not_raise_it() -> None:
    size = RequestSize(most=32, limit_seconds=100.0)
    size.ran_out(2)
    size.ran_out(32)
    assert size.pairs == 1
