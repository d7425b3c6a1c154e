"""The ledger of one partition, by example and by a model that is fed at random."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.transports.strict import Flight, Ledger
from app.transports.strict.positions import Admission


def started(offset: int, stored: int | None = None, *, sought: bool = False) -> Ledger:
    ledger = Ledger(next_offset=offset, stored=stored)
    if sought:
        ledger.sought_to(offset)
    return ledger


def fly(ledger: Ledger, first: int, last: int | None = None) -> None:
    ledger.deliver(Flight(first, first if last is None else last))


def test_the_commit_stops_at_the_lowest_unacknowledged() -> None:
    ledger = started(0)
    for offset in range(4):
        fly(ledger, offset)
    ledger.acknowledge([1, 2, 3])
    assert (ledger.committable, ledger.to_commit) == (0, 0)
    ledger.acknowledge([0])
    assert ledger.to_commit == 4


def test_what_is_stored_already_is_not_committed_again() -> None:
    ledger = started(7, stored=7)
    assert ledger.to_commit is None
    fly(ledger, 7)
    assert ledger.to_commit is None
    ledger.acknowledge([7])
    assert ledger.to_commit == 8


def test_a_chunk_holds_the_commit_at_its_first_offset() -> None:
    ledger = started(0)
    fly(ledger, 0, 9)
    fly(ledger, 10, 14)
    ledger.acknowledge([14])
    assert ledger.committable == 0
    ledger.acknowledge([9])
    assert ledger.committable == 15


def test_a_rewind_delivers_again_from_the_lowest_unacknowledged() -> None:
    ledger = started(0, sought=True)
    for offset in range(5):
        fly(ledger, offset)
    ledger.acknowledge([0, 1, 3])
    dropped = ledger.rewind()
    assert [flight.first for flight in dropped] == [2, 4]
    assert (ledger.next_offset, ledger.committable, ledger.needs_seek) == (2, 2, True)


def test_acknowledgements_of_an_older_epoch_are_void() -> None:
    ledger = started(0)
    fly(ledger, 0)
    ledger.rewind()
    ledger.acknowledge([0])
    assert ledger.committable == 0


def test_nothing_is_admitted_or_committed_without_a_base() -> None:
    ledger = started(3)
    ledger.forget()
    assert ledger.admit(3, 5) is Admission.REFUSE
    assert (ledger.committable, ledger.to_commit, ledger.needs_seek) == (None, None, False)


@pytest.mark.parametrize(
    ("first", "sought", "verdict"),
    [
        (10, False, Admission.TAKE),
        (8, False, Admission.TAKE),  # a batch fetched twice: what lies below is dropped
        (12, False, Admission.REFUSE),  # a stale batch: it proves no gap
        (12, True, Admission.REFUSE),  # a gap seen once
        (8, True, Admission.CHECK_END),
    ],
)
def test_only_what_continues_is_admitted(first: int, sought: bool, verdict: Admission) -> None:
    assert started(10, sought=sought).admit(first, first + 3) is verdict


def test_a_gap_is_believed_when_two_seeks_find_the_same() -> None:
    ledger = started(10, sought=True)
    assert ledger.admit(12, 15) is Admission.REFUSE
    assert ledger.needs_seek
    ledger.sought_to(10)
    assert ledger.admit(13, 15) is Admission.REFUSE
    ledger.sought_to(10)
    assert ledger.admit(13, 15) is Admission.CHECK_START


def test_a_message_stands_for_the_empty_offsets_before_it() -> None:
    ledger = started(10)
    for first, last, begins in ((12, 15, 10), (16, 20, 16), (23, 23, 21)):
        fly(ledger, first, last)
        assert ledger.flights[last].begins == begins
    ledger.rewind(to=11)
    fly(ledger, 12, 15)
    assert ledger.flights[15].begins == 11


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("deliver"), st.integers(1, 5)),
        st.tuples(st.just("ack"), st.integers(0, 30)),
        st.tuples(st.just("rewind"), st.just(0)),
        st.tuples(st.just("commit"), st.just(0)),
    ),
    max_size=60,
)


@given(base=st.integers(0, 5), steps=STEPS)
def test_no_commit_passes_an_unacknowledged_offset(base: int, steps: list[tuple[str, int]]) -> None:
    ledger = started(base, stored=base)
    acknowledged: set[int] = set()
    for step, number in steps:
        if step == "deliver":
            fly(ledger, ledger.next_offset, ledger.next_offset + number - 1)
        elif step == "ack" and ledger.flights:
            flight = list(ledger.flights.values())[number % len(ledger.flights)]
            ledger.acknowledge([flight.last])
            acknowledged |= set(range(flight.first, flight.last + 1))
        elif step == "rewind":
            ledger.rewind()
        elif (offset := ledger.to_commit) is not None:
            assert set(range(base, offset)) <= acknowledged
            ledger.stored = offset
    for flight in list(ledger.flights.values()):
        ledger.acknowledge([flight.last])
    assert ledger.committable == ledger.next_offset
