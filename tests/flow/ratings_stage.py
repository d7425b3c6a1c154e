"""A stage of the ratings pipeline for tests: events stay in hand until the test flushes them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import faust
import pytest

from agents.ratings.context import RatingsContext
from agents.waits import Draining, interruptible
from app.adapters.clock import SystemClock
from app.adapters.no_recommender import NoRecommender
from app.adapters.store.rating_memory import MemoryRatingStore
from app.broker import broker_url
from app.cli import pipelines
from app.cli.pipelines import Pipelines, running_pipelines
from app.factory import ratings as factory
from app.opening import AllPorts, OpenPorts
from app.ports import Ports
from app.ports.ratings import RatingPorts
from app.settings import Settings, load_settings
from app.topics import rating_topic_names
from app.transports import NewRecord, close_storage, storage_for
from tests.flow.engine import Engine


class RawSchema(faust.Schema):
    """Hands on what the log has."""

    def loads_key(self, app: Any, message: Any, **_: Any) -> Any:
        return message.key

    def loads_value(self, app: Any, message: Any, **_: Any) -> Any:
        return message.value


class FlushingStage:
    """Acknowledges events only when `flush` is set, and gives them back when it has to stop.

    `named` tells whether it says what it waits for.
    """

    def __init__(self, *, named: bool = True) -> None:
        self.taken: list[tuple[int, int]] = []
        """(partition, offset) of what arrived, in order."""
        self.flush = asyncio.Event()
        self._named = named

    def register(self, context: RatingsContext) -> None:
        topic = context.app.topic(context.names.ratings, schema=RawSchema())

        async def count(stream: Any) -> None:
            async for event in stream.noack().events():
                self.taken += [(raw.partition, raw.offset) for raw in event.value]
                context.hold(event, asyncio.create_task(self._keep(context, event)))

        context.app.agent(topic, name="count")(count)

    async def _keep(self, context: RatingsContext, event: Any) -> None:
        with context.waiting_for.in_hand("count", event):
            try:
                if self._named:
                    with context.waiting_for("the next flush"):
                        await interruptible(context, self.flush.wait(), grace_seconds=0)
                else:
                    await interruptible(context, self.flush.wait(), grace_seconds=0)
            except Draining:
                context.app.consumer.release(event)
            else:
                event.ack()


def rating_ports() -> RatingPorts:
    return RatingPorts(MemoryRatingStore(), NoRecommender(), SystemClock())


def quick_settings(folder: Path, **settings: Any) -> Settings:
    """Return settings for pipelines of a test's own, in memory but for the log."""
    return load_settings(
        **{
            "database": "memory:",
            "scorer": "memory:",
            "partitions": 2,
            "http_port": 0,
            "commit_interval_seconds": 0.05,
            "stop_grace_seconds": 0.5,
            "data_dir": folder,
            **settings,
        }
    )


@asynccontextmanager
async def both(
    settings: Settings, questions: Ports, stage: FlushingStage, *, keep: bool = False
) -> AsyncIterator[tuple[Pipelines, Engine]]:
    """Run both pipelines as the worker does, with the ports and the stage of the test.

    With `keep` a memory log outlives them.
    """

    async def opened(*_: Any) -> OpenPorts[AllPorts]:
        return OpenPorts(AllPorts(questions, rating_ports()))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipelines, "open_all_ports", opened)
        patch.setattr(factory, "register_all", stage.register)
        try:
            async with running_pipelines(settings, settings.pipeline_names) as running:
                for app in running.apps:
                    app.owns_process = False  # it is the test's
                yield running, Engine(running.questions)
        finally:
            if not keep:
                close_storage(broker_url(settings))


async def rate(settings: Settings, *users: int) -> None:
    """Put a rating of each user on the log, as another program would."""
    log, topic = storage_for(broker_url(settings)), rating_topic_names(settings).ratings
    for user in users:
        key = str(user).encode()
        value = b'{"userId":%d,"movieId":1,"rating":4.0,"timestamp":1700000000000}' % user
        await log.append(NewRecord(topic, log.partition_for(topic, key), key, value))
