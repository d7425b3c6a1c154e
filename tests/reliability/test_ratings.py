"""Ratings on real Kafka and real PostgreSQL are counted exactly, whatever is killed (G1, G2)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.reliability.rating_stream import RatingStream
from tests.servers.kafka import KafkaServer

pytestmark = [pytest.mark.kafka, pytest.mark.postgres, pytest.mark.timeout(600)]
MakeStream = Callable[[int], RatingStream]
LONG = [pytest.mark.long, pytest.mark.timeout(3000)]


@pytest.fixture
async def make_stream(
    broker: KafkaServer, postgres_dsn: str, tmp_path: Path
) -> AsyncIterator[MakeStream]:
    made: list[RatingStream] = []

    def make(count: int) -> RatingStream:
        made.append(RatingStream(tmp_path, broker.bootstrap, postgres_dsn, count))
        return made[-1]

    yield make
    for stream in made:
        await stream.close()


@pytest.mark.parametrize("count", [60_000, pytest.param(1_000_000, marks=LONG)])
async def test_g1_counts_equal_an_offline_recount(make_stream: MakeStream, count: int) -> None:
    """3 % bad events, 5 % repeats: each is in exactly one figure, each bad one a dead letter."""
    stream = make_stream(count)
    await stream.cluster.ready(stream.cluster.start_worker())
    await asyncio.gather(stream.send(), stream.has_counted(1.0, count / 1000 + 120))
    figures = await stream.assert_exact()
    assert figures["letters_again"] == 0
    assert figures["refused"] > 0.02 * count


@pytest.mark.parametrize("count", [200_000, pytest.param(1_000_000, marks=LONG)])
async def test_g2_workers_that_are_killed_count_nothing_twice_and_lose_nothing(
    make_stream: MakeStream, count: int
) -> None:
    """SIGKILL at a quarter and at a half of the stream, in the middle of whatever they do."""
    stream = make_stream(count)
    worker = await stream.cluster.ready(stream.cluster.start_worker())
    sending = asyncio.create_task(stream.send())
    for share in (0.25, 0.5):
        await stream.has_counted(share, count / 1000 + 120)
        worker.kill()
        assert await stream.counted() < count, "killed too late to mean anything"
        worker = await stream.cluster.ready(stream.cluster.start_worker())
    await sending
    await stream.has_counted(1.0, count / 1000 + 120)
    await stream.assert_exact()


async def test_g2_a_frozen_worker_that_comes_back_counts_nothing_twice(
    make_stream: MakeStream,
) -> None:
    """SIGSTOP for longer than its session: its partitions move, and it does not know of it."""
    count = 60_000
    stream = make_stream(count)
    first, second = stream.cluster.start_worker(), stream.cluster.start_worker()
    await asyncio.gather(stream.cluster.ready(first), stream.cluster.ready(second))
    sending = asyncio.create_task(stream.send())
    await stream.has_counted(0.2, 180)
    first.freeze()
    await asyncio.sleep(20)
    first.thaw()
    await sending
    await stream.has_counted(1.0, 180)
    await stream.assert_exact()
