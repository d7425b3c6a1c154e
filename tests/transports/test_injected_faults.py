"""A driver that misbehaves on purpose, at random but by seed: nothing may be lost.

The faults are those of a real consumer thread: a batch fetched before a seek arrives after it, a
batch arrives twice, a fetch is cancelled after it moved the position, somebody else seeks, flow
is suspended in the middle of a batch, the group rebalances, messages are given back.
"""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from faust.types import TP

from app.transports import StreamApp, TopicPlan, close_storage
from app.transports.embedded import driver
from tests.transports.harness import EmbeddedBackend, RawSchema, make_app, running, until

MESSAGES = 400
PARTITIONS = 3


class FaultyConsumer(driver.Consumer):
    """Fetches late, twice, or not at all; records every commit."""

    dice: random.Random
    backend: EmbeddedBackend

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.commits: list[tuple[TP, int]] = []
        self.faults = True
        self.search_seconds = 0.5
        self._delivered_before: dict[TP, list[Any]] = {}

    async def _fetch(self, limits: Mapping[TP, int], timeout: float) -> dict[TP, list[Any]]:
        found = await super()._fetch(limits, min(timeout, 0.02))
        if not self.faults:
            return found
        match self.dice.randrange(12):
            case 0 | 1 | 2:  # slow: a seek, a suspension or a rebalance overtakes this batch
                await asyncio.sleep(self.dice.uniform(0, 0.03))
            case 3:  # cancelled: the position has moved, the batch is gone
                self._distrust_driver()
                return {}
            case 4:  # an older batch again
                self._delivered_before, found = found, self._delivered_before | found
            case 5:  # somebody else seeks, after this batch was read
                for tp in found:
                    self._positions[tp] = self.dice.randrange(self.storage.end(tp) + 1)
        return found

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        if self.faults and self.dice.random() < 0.2:
            return False
        self.commits += offsets.items()
        return await super()._commit(offsets)


@pytest.fixture
def backend() -> Iterator[EmbeddedBackend]:
    url = f"memory://{uuid.uuid4().hex}"
    yield EmbeddedBackend(url)
    close_storage(url)


def build(
    backend: EmbeddedBackend, dice: random.Random, done: set[tuple[str, int, int]]
) -> StreamApp:
    app = make_app(
        backend,
        "faulty",
        broker_commit_interval=0.02,
        stream_buffer_maxsize=dice.choice([16, 64, 4096]),
        topic_plans={
            "single": TopicPlan(max_records=dice.choice([1, 7, 100])),
            "packed": TopicPlan(packed=True, max_records=dice.choice([1, 7, 100])),
        },
    )
    app.transport.Consumer = type("Seeded", (FaultyConsumer,), {"dice": dice})

    @app.agent(app.topic("single", schema=RawSchema()), concurrency=4)
    async def single(stream: Any) -> None:
        async for event in stream.events():
            if dice.random() < 0.02:
                app.consumer.release(event, after_seconds=0.01)
                continue
            if dice.random() < 0.1:
                await asyncio.sleep(0.002)
            done.add(("single", event.message.partition, event.message.offset))

    @app.agent(app.topic("packed", schema=RawSchema()), concurrency=2)
    async def packed(stream: Any) -> None:
        async for event in stream.events():
            if dice.random() < 0.05:
                app.consumer.release(event, after_seconds=0.01)
                continue
            await asyncio.sleep(0)
            done.update(("packed", r.partition, r.offset) for r in event.value)

    return app


async def upset(app: StreamApp, dice: random.Random) -> None:
    """Suspend flow, seek, or rebalance, as recovery and the group do."""
    await asyncio.sleep(dice.uniform(0, 0.05))
    match dice.randrange(4):
        case 0:
            app.consumer.stop_flow()
            app.flow_control.suspend()
            app.flow_control.clear()
            await asyncio.sleep(dice.uniform(0, 0.01))
            app.flow_control.resume()
            app.consumer.resume_flow()
        case 1:
            await app.consumer.perform_seek()
        case 2:
            app.flow_control.clear()  # messages vanish from the queues
        case _:
            await app.consumer.rebalance()
            await until(lambda: not app.rebalancing)


@pytest.mark.parametrize("seed", range(25))
async def test_nothing_is_lost_and_no_commit_runs_ahead(
    backend: EmbeddedBackend, seed: int
) -> None:
    dice = random.Random(seed)
    for topic in ("single", "packed"):
        await backend.create(topic, PARTITIONS)
        for partition in range(PARTITIONS):
            await backend.send(topic, partition, *[b"%d" % n for n in range(MESSAGES)])
    done: set[tuple[str, int, int]] = set()
    app = build(backend, dice, done)
    checked = 0

    def no_commit_ran_ahead() -> None:
        nonlocal checked
        for tp, offset in app.consumer.commits[checked:]:
            missing = [n for n in range(offset) if (tp.topic, tp.partition, n) not in done]
            assert not missing, f"{tp} committed {offset}, not processed: {missing[:5]}"
        checked = len(app.consumer.commits)

    async with running(app):
        for _ in range(12):
            await upset(app, dice)
            no_commit_ran_ahead()
        app.consumer.faults = False
        await until(lambda: len(done) == 2 * PARTITIONS * MESSAGES)
        await until(lambda: not any(app.consumer.lag().values()))
        no_commit_ran_ahead()
    committed = await backend.committed("faulty")
    assert set(committed.values()) == {MESSAGES}
    assert len(committed) == 2 * PARTITIONS
