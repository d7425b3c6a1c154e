"""Natural batching."""

from __future__ import annotations

import asyncio

import pytest

from app.adapters.batching import Batcher


class Recorder:
    """Doubles numbers, a batch at a time, when it is let through the gate."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.running = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def run(self, items: list[int]) -> list[int | Exception]:
        self.batches.append(items)
        self.running += 1
        assert self.running == 1, "one batch at a time"
        await self.gate.wait()
        await asyncio.sleep(0)
        self.running -= 1
        return [ValueError(str(item)) if item < 0 else 2 * item for item in items]


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_calls_of_one_moment_are_one_batch_with_results_in_order() -> None:
    recorder = Recorder()
    batcher = Batcher(recorder.run)
    assert await asyncio.gather(*map(batcher.submit, range(50))) == [2 * n for n in range(50)]
    assert recorder.batches == [list(range(50))]


async def test_what_comes_during_a_batch_is_the_next_batch() -> None:
    recorder = Recorder()
    batcher = Batcher(recorder.run)
    recorder.gate.clear()
    tasks = [asyncio.create_task(batcher.submit(1))]
    await settle()
    for item in (2, 3, 4):
        tasks.append(asyncio.create_task(batcher.submit(item)))
        await settle()
    recorder.gate.set()
    assert await asyncio.gather(*tasks) == [2, 4, 6, 8]
    assert recorder.batches == [[1], [2, 3, 4]]


async def test_a_batch_holds_no_more_than_its_maximum() -> None:
    recorder = Recorder()
    batcher = Batcher(recorder.run, max_size=20)
    await asyncio.gather(*map(batcher.submit, range(50)))
    assert [len(batch) for batch in recorder.batches] == [20, 20, 10]


async def test_a_lingering_batch_waits_for_company_but_not_when_it_is_full() -> None:
    recorder = Recorder()
    batcher = Batcher(recorder.run, max_size=2, linger_seconds=60)
    assert await batcher.submit(0) == 0, "nobody came lately: at once"
    first = asyncio.create_task(batcher.submit(1))
    await settle()
    assert recorder.batches == [[0]]
    assert await batcher.submit(2) == 4
    assert await first == 2
    assert recorder.batches == [[0], [1, 2]]


async def test_a_batch_after_a_pause_does_not_linger() -> None:
    recorder = Recorder()
    batcher = Batcher(recorder.run, max_size=2, linger_seconds=0.01)
    await batcher.submit(0)
    await asyncio.sleep(0.05)
    submitted = batcher.put(1)
    await settle()
    assert submitted.done()


async def test_a_lingering_batch_does_not_wait_for_ever() -> None:
    recorder = Recorder()
    batcher = Batcher(recorder.run, linger_seconds=0.01)
    assert [await batcher.submit(n) for n in (1, 2)] == [2, 4]


async def test_an_error_of_one_item_is_its_own() -> None:
    batcher = Batcher(Recorder().run)
    results = await asyncio.gather(*map(batcher.submit, [1, -2, 3]), return_exceptions=True)
    assert results[0] == 2
    assert isinstance(results[1], ValueError)
    assert results[2] == 6


async def test_an_error_of_the_batch_is_everybodys_and_the_next_batch_runs() -> None:
    fail = True

    async def run(items: list[int]) -> list[int | Exception]:
        if fail:
            raise ConnectionError("gone")
        return [*items]

    batcher = Batcher(run)
    results = await asyncio.gather(*map(batcher.submit, [1, 2]), return_exceptions=True)
    assert [type(result) for result in results] == [ConnectionError, ConnectionError]
    fail = False
    assert await batcher.submit(3) == 3


async def test_a_wrong_number_of_results_is_an_error_not_a_mix_up() -> None:
    async def run(items: list[int]) -> list[int | Exception]:
        return [1]

    results = await asyncio.gather(*map(Batcher(run).submit, [1, 2]), return_exceptions=True)
    assert [type(result) for result in results] == [RuntimeError, RuntimeError]


async def test_who_is_cancelled_before_his_batch_is_not_in_it() -> None:
    recorder = Recorder()
    batcher = Batcher(recorder.run)
    recorder.gate.clear()
    tasks = [asyncio.create_task(batcher.submit(item)) for item in (1,)]
    await settle()
    tasks += [asyncio.create_task(batcher.submit(item)) for item in (2, 3)]
    await settle()
    tasks[1].cancel()
    await settle()
    recorder.gate.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert (results[0], results[2]) == (2, 6)
    assert isinstance(results[1], asyncio.CancelledError)
    assert recorder.batches == [[1], [3]]


async def test_who_is_cancelled_in_his_batch_hurts_nobody_and_his_result_is_told() -> None:
    recorder = Recorder()
    abandoned: list[tuple[int, int]] = []
    batcher = Batcher(recorder.run, abandoned=lambda item, result: abandoned.append((item, result)))
    recorder.gate.clear()
    tasks = [asyncio.create_task(batcher.submit(item)) for item in (1, 2)]
    await settle()
    tasks[0].cancel()
    await settle()
    recorder.gate.set()
    assert await tasks[1] == 4
    assert tasks[0].cancelled()
    assert abandoned == [(1, 2)]


async def test_closing_runs_what_waits_and_refuses_more() -> None:
    recorder = Recorder()
    batcher = Batcher(recorder.run, linger_seconds=60)
    task = asyncio.create_task(batcher.submit(1))
    await settle()
    await batcher.close()
    assert await task == 2
    with pytest.raises(RuntimeError):
        await batcher.submit(2)
    await batcher.close()


def test_a_batch_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError):
        Batcher(Recorder().run, max_size=0)


async def test_several_batches_run_at_once_where_that_is_allowed() -> None:
    batches: list[list[int]] = []
    gate = asyncio.Event()

    async def run(items: list[int]) -> list[int]:
        batches.append(items)
        await gate.wait()
        return [2 * item for item in items]

    batcher = Batcher(run, at_once=2)
    futures = []
    for item in range(5):
        futures.append(batcher.put(item))
        await settle()
    assert batches == [[0], [1]]
    gate.set()
    assert await asyncio.gather(*futures) == [0, 2, 4, 6, 8]
    assert batches[2:] == [[2, 3, 4]]
    await batcher.close()
    with pytest.raises(ValueError, match="at_once"):
        Batcher(Recorder().run, at_once=0)


async def test_given_up_everyone_who_waits_gets_the_error_and_nothing_more_begins() -> None:
    recorder = Recorder()
    batcher = Batcher(recorder.run, max_size=2)
    recorder.gate.clear()
    futures = [batcher.put(item) for item in range(5)]
    await settle()
    futures[4].cancel()
    batcher.give_up(ConnectionError("stopping"))
    results = await asyncio.gather(*futures, return_exceptions=True)
    assert [type(each) for each in results] == [ConnectionError] * 4 + [asyncio.CancelledError]
    with pytest.raises(RuntimeError):
        batcher.put(6)
    recorder.gate.set()
    await batcher.close()
    assert recorder.batches == [[0, 1]]


async def test_items_of_those_who_went_are_not_kept_while_a_long_batch_runs() -> None:
    recorder = Recorder()
    batcher = Batcher(recorder.run, max_size=10)
    recorder.gate.clear()
    first = batcher.put(0)
    await settle()
    for item in range(1, 1000):
        batcher.put(item).cancel()
        await asyncio.sleep(0)
    stays = batcher.put(1000)
    await settle()
    assert len(batcher._waiting) <= 12
    recorder.gate.set()
    assert await asyncio.gather(first, stays) == [0, 2000]
