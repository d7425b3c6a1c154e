"""Whether a worker makes progress: the watchdog's decision."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core import progress
from app.core.progress import Head, Look, Progress, Where, after, stalls

GAP = 5.0
LIMIT = 60.0


def watch(*looks: Look) -> Progress:
    state = Progress()
    for look in looks:
        state = after(state, look, GAP)
    return state


def standing(head: Head, seconds: int, **more: object) -> Progress:
    """What is known of a partition that looks the same for so long, a look each second."""
    return watch(*(Look(float(at), {"p": head}, **more) for at in range(seconds + 1)))  # type: ignore[arg-type]


@pytest.mark.parametrize("where", Where)
def test_a_lowest_message_that_stays_is_a_stall_with_partition_stage_and_reason(
    where: Where,
) -> None:
    state = standing(Head(7, 3, "ask", where, stored=7), 60)
    [stall] = stalls(state, LIMIT)
    assert (stall.partition, stall.stage, stall.offset) == ("p", "ask", 7)
    assert stall.reason == progress.REASONS[where]
    assert str(stall).startswith("p at ask: ")
    assert stalls(standing(Head(7, 3, "ask", where, stored=7), 59), LIMIT) == ()


def test_no_lag_is_no_stall() -> None:
    assert stalls(standing(Head(7, 0, "ask", stored=7), 600), LIMIT) == ()


def test_a_legitimate_wait_is_no_stall_however_long() -> None:
    assert stalls(standing(Head(7, 3, "ask", stored=7, excuse="database"), 6000), LIMIT) == ()


def test_the_time_counts_from_the_end_of_the_wait() -> None:
    waiting = [
        Look(float(at), {"p": Head(7, 3, "ask", stored=7, excuse="model")}) for at in range(100)
    ]
    hanging = [Look(float(at), {"p": Head(7, 3, "ask", stored=7)}) for at in range(100, 160)]
    assert stalls(watch(*waiting, *hanging), LIMIT) == ()
    assert stalls(watch(*waiting, *hanging, Look(160.0, {"p": Head(7, 3, "ask", stored=7)})), LIMIT)


def test_one_partition_that_moves_does_not_hide_one_that_stands() -> None:
    looks = [
        Look(float(at), {"p": Head(7, 3, "ask", stored=7), "q": Head(at, 3, "ask", stored=at)})
        for at in range(61)
    ]
    assert [stall.partition for stall in stalls(watch(*looks), LIMIT)] == ["p"]


def test_offsets_that_are_never_committed_are_a_stall() -> None:
    looks = [Look(float(at), {"p": Head(at + 5, 0, "ask", stored=3)}) for at in range(61)]
    [stall] = stalls(watch(*looks), LIMIT)
    assert stall.reason == progress.UNCOMMITTED


def test_a_trouble_of_the_whole_worker_is_a_stall_without_a_partition() -> None:
    looks = [Look(float(at), troubles=frozenset({progress.SILENT})) for at in range(61)]
    [stall] = stalls(watch(*looks), LIMIT)
    assert (stall.partition, stall.reason) == (None, progress.SILENT)
    assert progress.SILENT in str(stall)


def test_a_pause_begins_all_clocks_anew() -> None:
    head = Head(7, 3, "ask", stored=7)
    before = [Look(float(at), {"p": head}) for at in range(50)]
    paused = [Look(50.0, {"p": head}, pause="rebalancing")]
    behind = [Look(float(at), {"p": head}) for at in range(51, 100)]
    assert stalls(watch(*before, *paused, *behind), LIMIT) == ()


def test_a_process_that_was_stopped_is_not_stalled_when_it_goes_on() -> None:
    head = Head(7, 3, "ask", stored=7)
    assert stalls(watch(Look(0.0, {"p": head}), Look(600.0, {"p": head})), LIMIT) == ()


heads = st.builds(
    Head,
    offset=st.integers(0, 3),
    lag=st.integers(0, 2),
    stage=st.just("ask"),
    where=st.sampled_from(Where),
    stored=st.none() | st.integers(0, 3),
    excuse=st.none() | st.just("database"),
)
histories = st.lists(
    st.builds(
        Look,
        at=st.just(0.0),
        heads=st.dictionaries(st.sampled_from("pq"), heads),
        troubles=st.frozensets(st.just(progress.SILENT)),
        pause=st.none() | st.just("rebalancing"),
    ),
    max_size=40,
)


@given(histories, st.integers(1, 10))
def test_a_stall_is_what_stood_still_in_every_look_of_that_time_and_nothing_else(
    history: list[Look], limit: int
) -> None:
    looks = [replace(look, at=float(at)) for at, look in enumerate(history)]
    found = {(s.partition, s.reason == progress.UNCOMMITTED) for s in stalls(watch(*looks), limit)}
    recent = looks[-limit - 1 :]

    def stands(name: str, *, stored: bool) -> bool:
        views = [None if look.pause else look.heads.get(name) for look in recent]
        if len(recent) <= limit or any(view is None for view in views):
            return False
        if stored:
            return len({v.stored or 0 for v in views if v}) == 1 and all(
                (v.stored or 0) < v.offset for v in views if v
            )
        return len({v.offset for v in views if v}) == 1 and all(
            v.lag > 0 and v.excuse is None for v in views if v
        )

    expected = {
        (name, stored) for name in "pq" for stored in (True, False) if stands(name, stored=stored)
    }
    if len(recent) > limit and all(look.troubles and not look.pause for look in recent):
        expected.add((None, False))
    assert found == expected
