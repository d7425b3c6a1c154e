"""A log that has stopped acknowledging costs each client no wait of its own."""

from __future__ import annotations

from app.core.pulse import Pulse


def test_a_log_that_answers_is_always_tried() -> None:
    pulse = Pulse()
    assert not pulse.refuses(0.0)
    pulse.acknowledged()
    assert not pulse.refuses(0.0)


def test_after_silence_one_try_a_second_and_no_other_beside_it() -> None:
    pulse = Pulse()
    pulse.silent(10.0)
    assert pulse.refuses(10.9)
    assert not pulse.refuses(11.0)  # the try
    assert pulse.refuses(12.0)  # it is still under way
    pulse.silent(13.0)
    assert pulse.refuses(13.9)
    assert not pulse.refuses(14.0)


def test_an_acknowledgement_lets_everybody_through() -> None:
    pulse = Pulse()
    pulse.silent(10.0)
    assert not pulse.refuses(11.0)
    pulse.acknowledged()
    assert not any(pulse.refuses(11.0) for _ in range(3))


def test_a_try_that_was_given_up_is_made_by_the_next() -> None:
    pulse = Pulse()
    pulse.silent(10.0)
    assert not pulse.refuses(11.0)
    pulse.unknown()
    assert not pulse.refuses(11.0)
