"""The flood breaker: what counts, when intake stops, and that it never stays shut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from app.core.failures import CAUSES
from app.core.flood import PASSES_TO_CLOSE, Door, FloodBreaker, FloodPolicy, Voice, voice_of
from app.core.lifecycle import Status

POLICY = FloodPolicy(share=0.5, window_seconds=60.0, min_ends=10, probe_seconds=5.0)
NOW = 1_800_000_000.0


def breaker(policy: FloodPolicy = POLICY) -> FloodBreaker:
    return FloodBreaker(policy)


def end(
    flood: FloodBreaker,
    voices: dict[Voice, int],
    at: float = NOW,
    name: str = "q",
    cause: str = "c",
) -> None:
    """Let questions end, in the order given."""
    for voice, count in voices.items():
        for n in range(count):
            flood.ended(f"{name}{voice.value}{n}", voice, cause, at, at)


def test_more_than_the_share_of_enough_ends_stops_the_intake() -> None:
    flood = breaker()
    end(flood, {Voice.PASSED: 5, Voice.SYSTEM: 5})
    assert flood.flood is None, "half is not more than half"
    assert flood.ended("one more", Voice.SYSTEM, "unauthorized", NOW, NOW)
    assert flood.flood is not None
    assert (flood.flood.dead, flood.flood.ended) == (6, 11)
    assert "6 of 11 questions" in str(flood.flood)
    assert "unauthorized 1" in str(flood.flood)
    assert "dlq resume" in str(flood.flood)


def test_few_ends_stop_nothing() -> None:
    flood = breaker()
    end(flood, {Voice.SYSTEM: 9})
    assert flood.flood is None
    end(flood, {Voice.SYSTEM: 1}, name="p")
    assert flood.flood is not None


def test_a_share_of_one_is_off() -> None:
    flood = breaker(FloodPolicy(share=1.0, min_ends=1))
    end(flood, {Voice.SYSTEM: 1000})
    assert flood.flood is None


def test_old_ends_do_not_count() -> None:
    flood = breaker()
    end(flood, {Voice.SYSTEM: 9})
    assert flood.share(NOW) == 1.0
    flood.ended("late", Voice.SYSTEM, "c", NOW + 61, NOW + 61)
    assert flood.flood is None
    assert flood.share(NOW + 200) == 0.0


def test_a_replay_of_old_ends_says_nothing() -> None:
    flood = breaker()
    for n in range(1000):
        assert not flood.ended(f"q{n}", Voice.SYSTEM, "c", NOW - 3600, NOW)
    assert flood.flood is None


def test_a_question_has_one_voice_however_often_it_is_asked() -> None:
    flood = breaker()
    for _ in range(1000):
        flood.ended("same", Voice.SYSTEM, "c", NOW, NOW)
    assert flood.flood is None


def test_bad_questions_of_one_client_do_not_close_the_intake_for_others() -> None:
    flood = breaker()
    end(flood, {Voice.PASSED: 1, Voice.QUESTION: 10_000})
    assert flood.flood is None
    assert flood.share(NOW) == 0.0


def test_when_nothing_passes_the_deaths_of_questions_count_too() -> None:
    """A wrong setting lets every question die of a 400."""
    flood = breaker()
    end(flood, {Voice.QUESTION: 10}, cause="bad_request")
    assert flood.flood is not None
    assert flood.flood.causes == (("bad_request", 10),)


@pytest.mark.parametrize("cause", ["rejected", "anti_cycle", "unknown_cause"])
def test_messages_without_a_call_have_no_voice(cause: str) -> None:
    assert voice_of(Status.DEAD, cause, called=True) is None
    assert voice_of(Status.DEAD, "deadline", called=False) is None


def test_every_cause_has_its_voice() -> None:
    assert voice_of(Status.LOW_QUALITY, None, called=True) is Voice.PASSED
    of_questions = {
        name for name in CAUSES if voice_of(Status.DEAD, name, called=True) is Voice.QUESTION
    }
    assert of_questions == {
        "bad_request",
        "request_too_large",
        "unprocessable",
        "context_exceeded",
    }
    assert voice_of(Status.DEAD, "unauthorized", called=True) is Voice.SYSTEM
    assert voice_of(Status.DEAD, "internal_error", called=True) is Voice.SYSTEM


def stopped(at: float = NOW) -> FloodBreaker:
    flood = breaker()
    end(flood, {Voice.SYSTEM: 10}, at)
    assert flood.flood is not None
    return flood


def test_one_question_comes_in_each_probe_interval_at_each_door() -> None:
    flood = stopped()
    assert flood.wait(Door.INTAKE, NOW + 1) == 4.0
    assert flood.wait(Door.INTAKE, NOW + 5) == 0.0
    assert flood.wait(Door.INTAKE, NOW + 5) == 5.0
    assert flood.wait(Door.ADMIT, NOW + 5) == 0.0, "each door has its own"
    assert flood.wait(Door.INTAKE, NOW + 10) == 0.0


def test_enough_passes_in_a_row_open_it_and_begin_anew() -> None:
    flood = stopped()
    end(flood, {Voice.PASSED: PASSES_TO_CLOSE - 1}, NOW + 5)
    end(flood, {Voice.SYSTEM: 1}, NOW + 6, name="again")
    end(flood, {Voice.PASSED: PASSES_TO_CLOSE - 1}, NOW + 7, name="r")
    assert flood.flood is not None, "a death in between begins the count anew"
    assert flood.ended("last", Voice.PASSED, None, NOW + 8, NOW + 8)
    assert flood.flood is None
    assert flood.wait(Door.INTAKE, NOW + 8) == 0.0
    end(flood, {Voice.SYSTEM: 9}, NOW + 9, name="new")
    assert flood.flood is None, "the deaths of the flood do not count again"


def test_an_operator_opens_it_at_once() -> None:
    flood = stopped()
    assert flood.resume()
    assert flood.wait(Door.ADMIT, NOW) == 0.0
    assert not flood.resume()


def test_a_clock_that_is_set_back_does_not_shut_the_door() -> None:
    flood = stopped()
    assert flood.wait(Door.INTAKE, NOW + 5) == 0.0
    assert flood.wait(Door.INTAKE, NOW - 86_400) == 0.0


@given(st.lists(st.tuples(st.sampled_from(Voice), st.floats(0, 20)), max_size=200))
def test_it_opens_only_beyond_the_share(ends: list[tuple[Voice, float]]) -> None:
    flood, now = breaker(), NOW
    for n, (voice, seconds) in enumerate(ends):
        now += seconds
        was_open = flood.flood is not None
        flood.ended(f"q{n}", voice, "c", now, now)
        if flood.flood is not None and not was_open:
            assert flood.flood.dead > POLICY.share * flood.flood.ended
            assert flood.flood.ended >= POLICY.min_ends


class NeverShut(RuleBasedStateMachine):
    """Whatever happens, within a probe interval somebody may come in, at each door."""

    def __init__(self) -> None:
        super().__init__()
        self.flood = breaker()
        self.now = NOW
        self.count = 0
        self.came_in = dict.fromkeys(Door, NOW)

    @rule(voice=st.sampled_from(Voice), times=st.integers(1, 12))
    def some_end(self, voice: Voice, times: int) -> None:
        for _ in range(times):
            self.count += 1
            self.flood.ended(f"q{self.count}", voice, "c", self.now, self.now)

    @rule(seconds=st.floats(0, 10))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(door=st.sampled_from(Door))
    def somebody_knocks(self, door: Door) -> None:
        wait = self.flood.wait(door, self.now)
        assert 0 <= wait <= POLICY.probe_seconds
        if wait and self.flood.flood is not None:
            assert self.flood.wait(door, self.now + wait + 1e-3) == 0.0

    @rule()
    def an_operator_speaks(self) -> None:
        self.flood.resume()
        assert self.flood.wait(Door.INTAKE, self.now) == 0.0

    @invariant()
    def the_figures_are_those_of_the_ends(self) -> None:
        assert sum(self.flood._voices.values()) == len(self.flood._ends)
        assert min(self.flood._voices.values(), default=0) >= 0


TestNeverShut = NeverShut.TestCase
