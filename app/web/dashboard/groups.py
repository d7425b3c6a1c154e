"""Consumer groups: what is late by topic and partition, what waits by design.

The pipelines' own come first, then others that may read their topics: on the embedded log all that
there are, on Kafka those whose name begins as the pipelines' do (a shared broker has thousands).
"""

from __future__ import annotations

import time
from typing import Any

from aiohttp import web

from app.core.questions import timestamp
from app.errors import UnavailableError
from app.inspection.groups import GroupRow, group_rows
from app.inspection.lag import age, group_lag, read_waits
from app.inspection.reader import GroupState, TopicReader
from app.settings import QUESTIONS, RATINGS
from app.topics import all_topics, app_name
from app.web.dashboard.kept import Kept
from app.web.dashboard.looking import Looking
from app.web.dashboard.topics import at_last
from app.web.replies import json_reply

GROUPS_SECONDS = 3.0
#: Groups that are shown beside the pipelines' own; `answerloop groups list` has all.
MOST_OTHERS = 20


class Groups:
    """Serves the groups of both pipelines, as far as the broker has them."""

    def __init__(self, looking: Looking) -> None:
        self._looking = looking
        self._order = {spec.name: n for n, spec in enumerate(all_topics(looking.settings))}
        self._kept = Kept(self._read, GROUPS_SECONDS, looking.running.first.log)

    def add_routes(self, app: web.Application) -> None:
        app.router.add_get("/ui/api/groups", self._groups)

    async def close(self) -> None:
        await self._kept.close()

    async def _groups(self, _: web.Request) -> web.Response:
        found = await at_last(self._kept)
        now = time.time()
        return json_reply(
            {
                "at": timestamp(now),
                "read_at": timestamp(found.at),
                "trouble": found.trouble,
                **(found.value or {}),
            }
        )

    async def _read(self) -> dict[str, Any]:
        now, running = time.time(), self._looking.running
        groups = []
        async with self._looking.reader() as reader:
            for name, pipeline in await self._names(reader):
                state = await self._state(reader, name)
                if state is not None:
                    rows = await group_rows(reader, state, ages=True)
                    groups.append(_group(pipeline, state, sorted(rows, key=self._place), now))
        waits, problem = None, None
        if running.questions is not None:
            try:
                waits = (await read_waits(running.questions.ports.store, now)).as_json()
            except UnavailableError as error:
                problem = str(error)
        return {"groups": groups, "waiting": waits, "waiting_problem": problem}

    def _place(self, row: GroupRow) -> tuple[int, str, int]:
        """Return what sorts topics by a question's way."""
        return self._order.get(row.topic, len(self._order)), row.topic, row.partition

    async def _names(self, reader: TopicReader) -> list[tuple[str, str | None]]:
        """Return the groups to look at, each with its pipeline, if it is one's own."""
        settings = self._looking.settings
        own = {app_name(settings, pipeline): pipeline for pipeline in (QUESTIONS, RATINGS)}
        begins = "" if settings.embedded else f"{settings.app_id}-"
        others = [
            name
            for name in await reader.group_names()
            if name not in own and name.startswith(begins)
        ]
        return [*own.items(), *((name, None) for name in others[:MOST_OTHERS])]

    async def _state(self, reader: TopicReader, name: str) -> GroupState | None:
        """Return a group, None: the broker does not know it."""
        state = await reader.group(name)
        return None if state.state == "Dead" and not await reader.committed(name) else state


def _group(
    pipeline: str | None, state: GroupState, rows: list[GroupRow], now: float
) -> dict[str, Any]:
    lag = group_lag(state, rows)
    oldest = [topic.oldest_at for topic in lag.topics if topic.oldest_at is not None]
    return {
        "group": state.name,
        "pipeline": pipeline,
        "state": state.state,
        "members": len(state.members),
        "late": lag.late,
        "oldest_at": timestamp(min(oldest, default=None)),
        "topics": [
            {
                "topic": topic.topic,
                "late": topic.late,
                "oldest_at": timestamp(topic.oldest_at),
                "oldest_age_seconds": age(topic.oldest_at, now),
                "partitions": [_partition(row) for row in rows if row.topic == topic.topic],
            }
            for topic in lag.topics
        ],
    }


def _partition(row: GroupRow) -> dict[str, Any]:
    shown = row.as_json()
    del shown["group"], shown["topic"]
    return shown
