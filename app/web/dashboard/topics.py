"""Topics: what each holds, and one of them with its partitions and settings."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import Any

from aiohttp import web

from app.broker.topic_admin import compare
from app.core.questions import timestamp
from app.errors import NotFoundError, UnavailableError
from app.inspection.topic_rows import newest_times, retention_seconds, topic_rows
from app.topics import TopicSpec, all_topics
from app.web.dashboard.kept import Kept, Known, Value
from app.web.dashboard.looking import LOOK_SECONDS, Looking
from app.web.replies import json_reply

ROWS_SECONDS = 4.0
#: The embedded log adds its records up for them.
SIZES_SECONDS = 30.0


class Topics:
    """Serves the list and one topic. Others than those of the table are the command line's."""

    def __init__(self, looking: Looking) -> None:
        self._looking = looking
        self._specs = {spec.name: spec for spec in all_topics(looking.settings)}
        log = looking.running.first.log
        self._rows = Kept(self._read_rows, ROWS_SECONDS, log)
        self._sizes = Kept(self._read_sizes, SIZES_SECONDS, log)

    def add_routes(self, app: web.Application) -> None:
        app.router.add_get("/ui/api/topics", self._many)
        app.router.add_get("/ui/api/topics/{topic}", self._one)

    def spec(self, name: str) -> TopicSpec:
        """Return a topic of the table. Raises NotFoundError."""
        if (spec := self._specs.get(name)) is None:
            raise NotFoundError(
                f"{name[:80]} is no topic of this pipeline; answerloop topics tail reads any"
            )
        return spec

    async def close(self) -> None:
        await self._rows.close()
        await self._sizes.close()

    async def _many(self, _: web.Request) -> web.Response:
        rows = await at_last(self._rows)
        sizes = (await self._sizes.get()).value or {}
        return json_reply(
            {
                "at": timestamp(time.time()),
                "read_at": timestamp(rows.at),
                "trouble": rows.trouble,
                "topics": [row | {"bytes": sizes.get(row["topic"])} for row in rows.value or ()],
            }
        )

    async def _one(self, request: web.Request) -> web.Response:
        spec = self.spec(request.match_info["topic"])
        sizes = (await self._sizes.get()).value or {}
        async with self._looking.reader() as reader:
            layout = await reader.describe(spec.name)
            state = (await reader.states([spec.name]))[spec.name]
            newest = await newest_times(
                reader, {(spec.name, each.partition): each.span for each in layout}
            )
        return json_reply(
            {
                "at": timestamp(time.time()),
                "topic": spec.name,
                "record": spec.record.__name__ if spec.record else "table",
                "about": spec.about,
                "messages": sum(each.span.messages for each in layout),
                "bytes": sizes.get(spec.name),
                "compacted": "compact" in state.config.get("cleanup.policy", ""),
                "retention_seconds": retention_seconds(state),
                "differences": compare(spec, state),
                "partitions": [
                    {
                        "partition": each.partition,
                        "start": each.span.start,
                        "end": each.span.end,
                        "messages": each.span.messages,
                        "newest_at": timestamp(newest.get((spec.name, each.partition))),
                        "leader": each.leader,
                        "replicas": list(each.replicas),
                        "in_sync": list(each.in_sync),
                    }
                    for each in layout
                ],
            }
        )

    async def _read_rows(self) -> list[dict[str, Any]]:
        async with self._looking.reader() as reader:
            return await topic_rows(self._looking.settings, reader)

    async def _read_sizes(self) -> dict[str, int]:
        async with self._looking.reader() as reader:
            there = await reader.states(list(self._specs))
            return await reader.sizes(list(there))


async def at_last(kept: Kept[Value], what: str = "the topics") -> Known[Value]:
    """Return what is known of `what`, waiting for the first reading.

    Raises UnavailableError without one.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + LOOK_SECONDS
    read = partial(kept.get)
    while (known := await read()).value is None and known.trouble is None and loop.time() < until:
        await asyncio.sleep(0.01)
    if known.value is None:
        raise UnavailableError(known.trouble or f"{what} are being read: try again in a moment")
    return known
