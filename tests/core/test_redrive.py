"""Which letters come back, as what, and how fast: no letter makes two rounds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.lifecycle import Status, Turn
from app.core.redrive import (
    LEASE_SECONDS,
    MAX_ROUND,
    Arrived,
    AsBytes,
    AsQuestion,
    Known,
    LetterFilter,
    LetterState,
    Mark,
    Origin,
    Pace,
    Refusal,
    Refused,
    check_bytes,
    decide,
    outcome_word,
    parse_origin,
    purge_filters,
    shown_state,
)

NOW = 1_800_000_000.0
DIED = Turn(2, 1, 3)
DEAD = Known(Status.DEAD, DIED)
OLD = NOW - LEASE_SECONDS
statuses = st.sampled_from(Status)
turns = st.builds(Turn, st.integers(0, 5), st.integers(1, 3), st.integers(1, 3))


def test_a_dead_question_gets_the_next_round() -> None:
    assert decide(None, "q", DIED, DEAD, NOW) == AsQuestion(3)


def test_a_letter_without_a_question_goes_as_bytes() -> None:
    assert decide(None, None, None, None, NOW) == AsBytes()


@pytest.mark.parametrize(
    ("known", "why"),
    [
        (None, Refusal.UNKNOWN_QUESTION),
        (Known(Status.DEAD, Turn(3, 1, 1)), Refusal.NEWER_ROUND),
        (Known(Status.ASKING, Turn(3, 1, 1)), Refusal.NEWER_ROUND),
        (Known(Status.VALIDATED, Turn(2, 1, 1)), Refusal.ENDED_OTHERWISE),
        (Known(Status.WAITING, Turn(2, 1, 3)), Refusal.IN_PROGRESS),
        (Known(Status.DEAD, Turn(MAX_ROUND, 1, 1)), Refusal.TOO_MANY_ROUNDS),
    ],
)
def test_a_question_that_went_on_is_refused(known: Known | None, why: Refusal) -> None:
    died = known.turn if why is Refusal.TOO_MANY_ROUNDS and known else DIED
    assert decide(None, "q", died, known, NOW) == Refused(why)


def test_what_was_sent_stays_refused_for_ever() -> None:
    sent = Mark(1, OLD, OLD, 3)
    assert decide(sent, "q", DIED, DEAD, NOW + 1e9) == Refused(Refusal.REDRIVEN)
    assert decide(Mark(1, OLD, OLD), None, None, None, NOW + 1e9) == Refused(Refusal.REDRIVEN)


def test_a_redrive_that_died_is_taken_over_after_its_lease_in_the_same_round() -> None:
    mark = Mark(1, OLD, None, 3)
    begun = Known(Status.ACCEPTED, Turn(3, 1, 1))
    assert decide(mark, "q", DIED, begun, NOW - 0.01) == Refused(Refusal.IN_HAND)
    assert decide(mark, "q", DIED, begun, NOW) == AsQuestion(3)
    assert decide(mark, "q", DIED, Known(Status.DEAD, Turn(3, 1, 1)), NOW) == Arrived(3)
    assert decide(mark, "q", DIED, Known(Status.ASKING, Turn(4, 1, 1)), NOW) == Arrived(3)
    assert decide(Mark(1, OLD), None, None, None, NOW) == AsBytes()


@given(status=statuses, turn=turns, died=turns)
def test_a_new_round_is_later_than_all_before_and_only_after_a_death(
    status: Status, turn: Turn, died: Turn
) -> None:
    found = decide(None, "q", died, Known(status, turn), NOW)
    if isinstance(found, AsQuestion):
        assert status is Status.DEAD
        assert found.round == turn.round + 1
        assert turn.round <= died.round


@given(st.lists(st.tuples(st.sampled_from("cskae"), st.floats(0, 100)), max_size=30))
def test_whatever_redrives_do_a_letter_makes_one_round(steps: list[tuple[str, float]]) -> None:
    """Claims, sends, kills, arrivals and ends in any order: one letter, one (id, round)."""
    mark, known, now = None, Known(Status.DEAD, DIED), NOW
    rounds: set[int] = set()
    for step, seconds in steps:
        now += seconds
        if step == "c":
            match decide(mark, "q", DIED, known, now):
                case AsQuestion(round_):
                    mark = Mark(1, now, None, round_)
                    rounds.add(round_)
                    if known.turn.round < round_:
                        known = Known(Status.ACCEPTED, Turn(round_, 1, 1))
                case Arrived(round_):
                    mark = Mark(1, now, now, round_)
        elif step == "s" and mark is not None:
            mark = Mark(1, mark.claimed_at, now, mark.new_round)
        elif step == "a" and known.status is Status.ACCEPTED:
            known = Known(Status.ASKING, known.turn)
        elif step == "e" and not known.status.final:
            known = Known(Status.DEAD, known.turn)
    assert rounds <= {DIED.round + 1}


def test_bytes_that_can_not_go_back_are_refused_with_the_reason() -> None:
    own = {"a", "b"}
    assert check_bytes("c", 1, own, 100) is Refusal.FOREIGN_TOPIC
    assert check_bytes("a", None, own, 100) is Refusal.NULL_VALUE
    assert check_bytes("a", 100, own, 100) is Refusal.CUT
    assert check_bytes("a", 99, own, 100) is None
    assert check_bytes("b", 0, own, 100) is None


@given(
    st.text(min_size=1).filter(lambda t: "/" not in t),
    st.integers(0, 2**31 - 1),
    st.integers(0, 1e17),
)
def test_an_origin_reads_as_it_is_written(topic: str, partition: int, offset: int) -> None:
    assert parse_origin(str(Origin(topic, partition, offset))) == Origin(topic, partition, offset)


@pytest.mark.parametrize(
    "text", ["", "a", "a/1", "a/1/", "a/-1/2", "a/1/x", "/1/2", "a/²/1", "a/1/2/3"]
)
def test_what_is_no_origin_is_none(text: str) -> None:
    assert parse_origin(text) is None


def test_every_refusal_has_words_and_every_decision_a_name() -> None:
    assert all(why.meaning for why in Refusal)
    words = [outcome_word(each) for each in (AsQuestion(1), AsBytes(), Arrived(1))]
    assert words == ["question", "bytes", "arrived"]
    assert outcome_word(Refused(Refusal.CUT)) == "cut"
    marks = (None, Mark(1, NOW), Mark(1, NOW, NOW))
    assert [shown_state(mark) for mark in marks] == ["open", "redriving", "redriven"]


@given(rate=st.floats(0.1, 1000), batches=st.integers(1, 50))
def test_a_pace_is_kept_over_any_number_of_batches(rate: float, batches: int) -> None:
    pace, now, sent = Pace(rate), 0.0, 0
    size = pace.batch(200)
    assert 1 <= size <= 200
    for _ in range(batches):
        sent += size
        now += pace.wait(sent, 0.0, now)
    assert now == pytest.approx(sent / rate)


def test_without_a_rate_nothing_waits() -> None:
    assert Pace().batch(200) == 200
    assert Pace().wait(1_000_000, 0.0, 0.0) == 0.0


def test_a_purge_without_a_filter_spares_what_nobody_has_seen() -> None:
    redriven, old = purge_filters(LetterFilter(), explicit=False, now=NOW)
    assert redriven == LetterFilter(state=LetterState.REDRIVEN)
    assert old == LetterFilter(until=NOW - 30 * 86_400)
    wanted = LetterFilter(causes=("rejected",))
    assert purge_filters(wanted, explicit=True, now=NOW) == [wanted]
    assert wanted.narrow
    assert not LetterFilter(state=LetterState.ALL).narrow
