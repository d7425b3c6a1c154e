"""A partition's state: what a plain recount of its log gives, wherever it was cut and stored."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.ratings.changes import StoredPartition, halves_of, mark_of, timestamp_of
from app.core.ratings.events import Rating
from app.core.ratings.segments import merged, worth_merging
from app.core.ratings.state import PartitionState
from tests.core.ratings.logs import LOGS, START, Storage, feed
from tests.core.ratings.recount import Event, recount

NOW = START / 1000


def seen(state: PartitionState) -> dict[str, Any]:
    """Everything that can be read of a state."""
    return {
        "totals": state.totals(),
        "movies": state.movies(),
        "users": {
            user: [list(each) for each in state.ratings_of(user)] for user in sorted(state.users())
        },
        "next_offset": state.next_offset,
    }


@given(LOGS)
def test_a_state_is_what_a_plain_recount_of_its_log_gives(log: Sequence[Event]) -> None:
    state = PartitionState(3)
    feed(state, log)
    plain, totals = recount(log), state.totals()
    for name in ("valid", "duplicate", "stale", "late", "future", "out_of_order", "watermark"):
        assert getattr(totals, name) == getattr(plain, name), name
    assert totals.rejected == plain.rejected
    assert totals.by_halves == plain.by_halves
    assert {movie: tuple(rest) for movie, *rest in state.movies()} == plain.movies
    assert set(state.users()) == plain.users
    assert totals.users == len(plain.users)
    current = {
        (user, movie): (timestamp_of(mark), halves_of(mark))
        for user in state.users()
        for movie, mark in zip(*state.ratings_of(user), strict=True)
    }
    assert current == plain.current
    assert {start: tuple(rest) for start, *rest in totals.windows} == plain.windows
    assert totals.valid + totals.duplicate + totals.stale + sum(totals.rejected.values()) == len(
        log
    )
    assert state.ratings == sum(totals.by_halves)


@given(LOGS, st.lists(st.integers(0, 60), max_size=5))
def test_restored_anywhere_it_goes_on_as_if_nothing_had_happened(
    log: Sequence[Event], cuts: list[int]
) -> None:
    whole = PartitionState(3)
    feed(whole, log)
    storage, state = Storage(), PartitionState(3)
    for begin, end in zip([0, *sorted(cuts)], [*sorted(cuts), len(log)], strict=True):
        feed(state, log[begin:end])
        storage.save(state.take())
        state.saved()
        assert state.is_saved
        state = PartitionState(3, storage.load())
    assert seen(state) == seen(whole)


@given(LOGS, st.lists(st.tuples(st.integers(0, 60), st.booleans(), st.booleans()), max_size=8))
def test_a_save_that_failed_is_contained_in_the_next(
    log: Sequence[Event], steps: list[tuple[int, bool, bool]]
) -> None:
    """Each step: read up to somewhere, take, read on meanwhile or not, and save or not."""
    whole = PartitionState(3)
    feed(whole, log)
    storage, state = Storage(), PartitionState(3)
    for upto, meanwhile, success in sorted(steps):
        feed(state, log[state.next_offset : upto])
        changes = state.take()
        if meanwhile:
            feed(state, log[state.next_offset : upto + 5])
        if success:
            storage.save(changes)
            state.saved()
        else:
            state.not_saved()
    feed(state, log[state.next_offset :])
    storage.save(state.take())
    state.saved()
    assert seen(PartitionState(3, storage.load())) == seen(whole) == seen(state)


@given(LOGS, LOGS, st.integers(1, 4))
def test_merging_the_journal_keeps_the_state(
    log: Sequence[Event], more: Sequence[Event], body_rows: int
) -> None:
    storage, state = Storage(), PartitionState(3)
    for part in (log[: len(log) // 2], log[len(log) // 2 :]):
        feed(state, part)
        storage.save(state.take())
        state.saved()
    before = seen(PartitionState(3, storage.load()))
    storage.segments = merged(storage.segments, body_rows)
    assert sum(map(len, storage.segments)) == 16 * state.ratings
    again = PartitionState(3, storage.load())
    assert seen(again) == before
    feed(state, more)
    feed(again, more)
    assert seen(again) == seen(state)


def test_a_segment_holds_the_applied_ratings_in_order_as_rows_of_16_bytes() -> None:
    state = PartitionState(0)
    feed(
        state,
        [
            Event(7, 32, 7, START, NOW),
            Event(7, 32, 7, START, NOW),
            Event(8, 131_262, 1, START + 1, NOW),
            Event(7, 32, 9, START + 2, NOW),
            Event(rule="type"),
        ],
    )
    changes = state.take()
    assert changes.segment == struct.pack(
        "<IIqIIqIIq",
        *(7, 32, mark_of(START, 7)),
        *(8, 131_262, mark_of(START + 1, 1)),
        *(7, 32, mark_of(START + 2, 9)),
    )
    assert (changes.partition, changes.from_offset, changes.next_offset) == (0, 0, 5)
    assert sorted(changes.movies) == [(32, 1, 9, START + 2), (131_262, 1, 1, START + 1)]


def test_what_is_taken_does_not_change_afterwards() -> None:
    state = PartitionState(0)
    feed(state, [Event(7, 32, 7, START, NOW), Event(rule="type")])
    changes = state.take()
    before = repr(changes)
    feed(state, [Event(7, 32, 8, START + 1, NOW), Event(rule="type"), Event(9, 1, 1, START, NOW)])
    assert repr(changes) == before


def test_a_save_has_to_be_over_before_the_next() -> None:
    state = PartitionState(0)
    with pytest.raises(RuntimeError):
        state.saved()
    state.take()
    with pytest.raises(RuntimeError):
        state.take()
    state.not_saved()
    state.take()


def test_a_year_9999_closes_no_window() -> None:
    state = PartitionState(0)
    feed(state, [Event(1, 1, 5, 253_402_300_799_999, NOW)])
    feed(state, [Event(1, n, 5, START + n, NOW) for n in range(2, 5)])
    totals = state.totals()
    assert (totals.valid, totals.future, totals.late) == (4, 1, 0)
    assert sum(window.ratings for window in totals.windows) == 3


def test_the_newest_60_windows_are_kept() -> None:
    state = PartitionState(0)
    feed(state, [Event(1, n, 5, START + n * 60_000, NOW + n * 60) for n in range(1, 100)])
    windows = state.totals().windows
    assert [window.start for window in windows] == [
        (START // 60_000 + n) * 60_000 for n in range(40, 100)
    ]


def test_the_error_of_predictions_counts_only_what_was_applied() -> None:
    state = PartitionState(0)
    rating = Rating(1, 1, 3.5, START)
    applied = state.apply_all([rating, rating], [NOW, NOW], [3.0, 1.0])
    assert applied == ([1], [1], [7], 1, 0, 0, 1, 0.25)
    assert (state.totals().predicted, state.totals().squared_error) == (1, 0.25)


def test_a_journal_is_worth_merging_when_it_is_mostly_replaced_or_in_very_many_pieces() -> None:
    assert not worth_merging(4_000_000, 3_600, 0)
    assert worth_merging(4_000_001, 1, 0)
    assert not worth_merging(32_000_000, 1, 1_000_000)
    assert worth_merging(32_000_001, 1, 1_000_000)
    assert worth_merging(1, 3_601, 1)
    assert not worth_merging(160_000_000, 3_640, 10_000_000), "80 pieces are needed anyway"


def test_an_empty_state_is_saved_and_a_refusal_makes_it_unsaved() -> None:
    state = PartitionState(0, StoredPartition())
    assert state.is_saved
    feed(state, [Event(rule="missing")])
    assert not state.is_saved
    changes = state.take()
    assert (changes.segment, changes.movies, changes.totals.rejected) == (b"", [], {"missing": 1})
