"""What `hold` decides: replays re-arm nothing, counts keep to their ceilings."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from app.core.holding import Bury, Held, Hold, Ignore, on_due, on_failure, on_settled
from app.core.lifecycle import Turn
from app.core.retry import RetryKind, RetryPolicy

POLICY = RetryPolicy(jitter=0.0)
OVERLOAD, QUOTA = RetryKind.OVERLOAD, RetryKind.QUOTA
NOW = 1_700_000_000.0
TURNS = st.builds(Turn, st.integers(0, 2), st.integers(1, 3), st.integers(1, 12))
KINDS = st.sampled_from(RetryKind)


def fail(held: Held | None, turn: Turn, kind: RetryKind = OVERLOAD) -> Hold | Bury | Ignore:
    return on_failure(held, turn, kind, None, POLICY, NOW, 0.5)


def held_after(*turns: Turn, kind: RetryKind = OVERLOAD) -> Held:
    held: Held | None = None
    for turn in turns:
        decision = fail(held, turn, kind)
        assert isinstance(decision, Hold)
        held = decision.held
    assert held is not None
    return held


def test_waits_grow_with_each_failure_of_a_question() -> None:
    delays = []
    held = None
    for attempt in range(1, 6):
        decision = fail(held, Turn(0, 1, attempt))
        assert isinstance(decision, Hold)
        held = decision.held
        delays.append((held.due_at or 0) - NOW)
    assert delays == [5, 10, 20, 40, 80]
    buried = fail(held, Turn(0, 1, 6))
    assert isinstance(buried, Bury)
    assert buried.cause == "overload_retries_exhausted"
    assert buried.held.due_at is None


def test_the_two_kinds_are_counted_apart_and_across_generations() -> None:
    held = held_after(Turn(0, 1, 1), Turn(0, 1, 2))
    decision = fail(held, Turn(0, 2, 1), QUOTA)
    assert isinstance(decision, Hold)
    assert (decision.held.overloads, decision.held.quotas) == (2, 1)
    again = fail(decision.held, Turn(0, 2, 2))
    assert isinstance(again, Hold)
    assert again.held.due_at == NOW + 20


def test_a_new_round_counts_from_nothing_also_after_the_end_of_the_last() -> None:
    held = on_settled(held_after(*(Turn(0, 1, n) for n in range(1, 6))), 0, NOW)
    assert isinstance(held, Held)
    decision = fail(held, Turn(1, 1, 1))
    assert isinstance(decision, Hold)
    assert (decision.held.overloads, decision.held.settled_at) == (1, None)


def test_a_failure_after_the_end_of_its_round_is_ignored() -> None:
    held = on_settled(held_after(Turn(0, 1, 1)), 0, NOW)
    assert isinstance(held, Held)
    assert isinstance(fail(held, Turn(0, 2, 1)), Ignore)


@given(st.lists(TURNS, min_size=1, max_size=25), KINDS)
def test_a_failure_that_is_not_later_re_arms_nothing(turns: list[Turn], kind: RetryKind) -> None:
    held: Held | None = None
    for turn in turns:
        decision = fail(held, turn, kind)
        if held is not None and turn <= held.failed:
            assert isinstance(decision, Ignore)
        elif not isinstance(decision, Ignore):
            held = decision.held
            assert held.failed == turn
    assert held is not None
    assert all(isinstance(fail(held, turn, kind), Ignore) for turn in turns)


@given(st.lists(st.tuples(TURNS, KINDS), max_size=60))
def test_counts_never_exceed_their_ceilings_and_waits_only_move_on(
    failures: list[tuple[Turn, RetryKind]],
) -> None:
    held: Held | None = None
    holds: list[Held] = []
    for turn, kind in failures:
        decision = fail(held, turn, kind)
        if not isinstance(decision, Ignore):
            held = decision.held
            assert held.overloads <= POLICY.overload_max_retries
            assert held.quotas <= POLICY.quota_max_retries
        if isinstance(decision, Hold):
            holds.append(decision.held)
    assert all(earlier.failed < later.failed for earlier, later in pairwise(holds))
    for round_ in range(3):
        assert sum(h.failed.round == round_ for h in holds) <= 10


@given(TURNS, TURNS)
def test_only_the_word_about_this_very_wait_releases_it(waiting: Turn, announced: Turn) -> None:
    held = held_after(waiting)
    decision = on_due(held, announced, NOW + 10)
    if announced != waiting:
        assert isinstance(decision, Ignore)
    else:
        assert isinstance(decision, Held)
        assert decision.due_at is None
        assert isinstance(on_due(decision, announced, NOW + 10), Ignore), "released once"


def test_an_early_word_releases_nothing() -> None:
    held = held_after(Turn(0, 1, 1))
    assert isinstance(on_due(held, Turn(0, 1, 1), NOW + 4.999), Ignore)
    assert isinstance(on_due(held, Turn(0, 1, 1), NOW + 5), Held)


def test_an_operators_word_ends_the_wait_it_names_at_once_and_no_other() -> None:
    held = held_after(Turn(0, 1, 1))
    released = on_due(held, Turn(0, 1, 1), NOW, by_operator=True)
    assert isinstance(released, Held)
    assert (released.due_at, released.overloads) == (None, held.overloads)
    assert isinstance(on_due(held, Turn(0, 1, 2), NOW, by_operator=True), Ignore)
    assert isinstance(on_due(released, Turn(0, 1, 1), NOW, by_operator=True), Ignore)


def test_a_word_about_an_unknown_or_settled_question_is_ignored() -> None:
    assert isinstance(on_due(None, Turn(0, 1, 1), NOW), Ignore)
    settled = on_settled(held_after(Turn(0, 1, 1)), 0, NOW)
    assert isinstance(settled, Held)
    assert isinstance(on_due(settled, Turn(0, 1, 1), NOW + 10), Ignore)


def test_the_end_of_an_earlier_round_ends_nothing() -> None:
    held = held_after(Turn(1, 1, 1))
    assert isinstance(on_settled(held, 0, NOW), Ignore)
    assert isinstance(on_settled(None, 0, NOW), Ignore)
    assert on_settled(held, 1, NOW) == Held(
        failed=Turn(1, 1, 1), kind=OVERLOAD, overloads=1, settled_at=NOW
    )
