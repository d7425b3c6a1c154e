"""What becomes of an arriving question."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.admission import Admission, Seen, admit

SEEN = st.builds(Seen, st.integers(0, 3), st.integers(1, 120))


def test_a_new_question_is_asked() -> None:
    assert admit(None, Seen(0, 1), 3, has_best=False) is Admission.ASK


@given(SEEN, SEEN, st.booleans())
def test_what_is_not_later_than_what_was_seen_is_a_repeat(
    seen: Seen, arriving: Seen, has_best: bool
) -> None:
    decision = admit(seen, arriving, 3, has_best=has_best)
    assert (decision is Admission.REPEAT) == (arriving <= seen)


@pytest.mark.parametrize("generation", [4, 99, 10_000])
def test_beyond_the_limit_nothing_is_asked_again(generation: int) -> None:
    arriving = Seen(0, generation)
    assert admit(None, arriving, 3, has_best=True) is Admission.END_WITH_BEST
    assert admit(None, arriving, 3, has_best=False) is Admission.DEAD


@given(st.none() | SEEN, SEEN, st.integers(1, 100), st.booleans())
def test_what_is_asked_is_always_within_the_limit(
    seen: Seen | None, arriving: Seen, most: int, has_best: bool
) -> None:
    if admit(seen, arriving, most, has_best=has_best) is Admission.ASK:
        assert arriving.generation <= most


def test_a_redriven_question_starts_anew() -> None:
    assert admit(Seen(0, 3), Seen(1, 1), 3, has_best=False) is Admission.ASK
