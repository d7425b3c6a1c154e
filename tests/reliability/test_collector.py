"""The garbage collector of a worker: what stays is put aside, and nothing is lost from view."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from app.service.collector import SLOW_SECONDS, THRESHOLDS, Collector
from tests.flow.engine import make_ports, poll, running


@pytest.fixture(autouse=True)
def _nothing_is_put_aside() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0


class Knot:
    """Refers to itself: only a collection frees it."""

    def __init__(self) -> None:
        self.self = self


def knot() -> weakref.ref[Knot]:
    return weakref.ref(Knot())


async def test_from_start_to_stop_collections_are_rare_and_short() -> None:
    collector = Collector()
    await collector.start()
    try:
        assert gc.get_threshold() == THRESHOLDS
        assert gc.get_freeze_count() > 10_000, "what the start loaded"
    finally:
        await collector.stop()


async def test_two_pipelines_of_one_process_end_it_with_the_last() -> None:
    one, other = Collector(), Collector()
    await one.start()
    await other.start()
    await one.stop()
    assert gc.get_threshold() == THRESHOLDS
    assert gc.get_freeze_count() > 0
    await other.stop()


async def test_one_that_never_started_is_stopped_like_any_other() -> None:
    await Collector().on_stop()
    collector = Collector()
    await collector.start()
    await collector.stop()
    await collector.on_stop()


async def test_what_a_slow_collection_found_alive_is_put_aside() -> None:
    collector = Collector()
    await collector.start()
    try:
        mine = [[n] for n in range(50_000)]
        frozen = gc.get_freeze_count()
        gc.collect()
        collector._collections.longest = SLOW_SECONDS / 2
        collector.tick()
        assert gc.get_freeze_count() == frozen, "a quick one found little"
        collector._collections.longest = SLOW_SECONDS
        collector.tick()
        assert gc.get_freeze_count() >= frozen + len(mine)
        frozen = gc.get_freeze_count()
        del mine
        assert gc.get_freeze_count() <= frozen - 50_000, "freed without any collection"
    finally:
        await collector.stop()


async def test_it_looks_by_itself_while_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.service.collector.SLOW_SECONDS", 0.0)
    monkeypatch.setattr("app.service.collector._TICK_SECONDS", 0.01)
    collector = Collector()
    await collector.start()
    try:
        mine = [[n] for n in range(50_000)]
        frozen = gc.get_freeze_count()
        await poll(lambda: _done(gc.get_freeze_count() >= frozen + len(mine) // 2), 30)
    finally:
        await collector.stop()


async def _done(done: bool) -> bool:
    return done


async def test_the_length_of_full_collections_is_measured() -> None:
    collector = Collector()
    await collector.start()
    try:
        gc.collect(1)
        assert collector._collections.longest == 0.0
        gc.collect()
        assert 0.0 < collector._collections.take_longest() < 10.0
        assert collector._collections.longest == 0.0
    finally:
        await collector.stop()


@pytest.mark.parametrize(("every", "found"), [(0.0, True), (3_600.0, False)])
async def test_cycles_of_what_was_put_aside_are_found_now_and_then(
    every: float, found: bool
) -> None:
    collector = Collector(look_again_seconds=every)
    await collector.start()
    try:
        gc.disable()
        reference = knot()
        gc.freeze()
        gc.collect()
        assert reference() is not None
        collector._collections.longest = SLOW_SECONDS
        collector.tick()
        assert (reference() is None) is found
    finally:
        gc.enable()
        await collector.stop()


async def test_only_a_process_of_our_own_is_arranged() -> None:
    before = gc.get_threshold()
    async with running(make_ports()):
        assert gc.get_threshold() == before
    async with running(make_ports(), owned=True):
        assert gc.get_threshold() == THRESHOLDS
