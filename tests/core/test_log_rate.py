"""How many times the same thing is logged."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.core.log_rate import Throttle, shape


def test_the_same_event_is_shown_a_few_times_and_then_counted() -> None:
    throttle = Throttle(burst=5, window_seconds=60)
    shown = sum(throttle.admit("refused", "connection refused", at / 1000) for at in range(12_316))
    assert shown == 5
    [told] = throttle.ended(60.0)
    assert str(told) == "suppressed 12,311 times in 60 s: connection refused"
    assert throttle.total == 12_311


def test_a_window_that_ended_shows_again() -> None:
    throttle = Throttle(burst=1, window_seconds=60)
    assert throttle.admit("k", "t", 0.0)
    assert not throttle.admit("k", "t", 59.0)
    assert throttle.ended(59.9) == []
    assert [told.times for told in throttle.ended(60.0)] == [1]
    assert throttle.admit("k", "t", 60.0)
    assert throttle.ended(200.0) == [], "nothing was suppressed: nothing to tell"


def test_a_text_that_is_new_is_shown_up_to_a_cap() -> None:
    throttle = Throttle(burst=2, new_texts=10)
    texts = [chr(ord("a") + number) * 3 for number in range(26)]
    assert sum(throttle.admit("k", text, 0.0) for text in texts) == 10


def test_numbers_and_ids_are_no_news() -> None:
    throttle = Throttle(burst=2)
    texts = [f"question {number} at node {number:032x}" for number in range(50)]
    assert sum(throttle.admit("k", text, 0.0) for text in texts) == 2
    assert shape("no. 12, deadbeef01") == shape("no. 7, cafebabe99")


def test_one_kind_does_not_hide_another() -> None:
    throttle = Throttle(burst=1)
    for _ in range(1000):
        throttle.admit("loud", "t", 0.0)
    assert throttle.admit("quiet", "t", 0.0)


def test_memory_is_bounded() -> None:
    throttle = Throttle(kinds=10, new_texts=3)
    for number in range(1000):
        assert throttle.admit(number, "t", 0.0)
    assert len(throttle._windows) == 10


events = st.tuples(st.sampled_from("ab"), st.sampled_from(["x", "y", "x 1"]), st.floats(0, 5))


@given(st.lists(events))
def test_every_event_is_shown_or_told_and_every_first_one_is_shown(
    history: list[tuple[str, str, float]],
) -> None:
    throttle = Throttle(burst=2, new_texts=3, window_seconds=10)
    now, shown, told = 0.0, 0, 0
    seen: set[str] = set()
    for kind, text, pause in history:
        now += pause
        told += sum(each.times for each in throttle.ended(now))
        admitted = throttle.admit(kind, text, now)
        assert admitted or kind in seen
        seen.add(kind)
        shown += admitted
    told += sum(each.times for each in throttle.ended(now, all_of_them=True))
    assert shown + told == len(history)
