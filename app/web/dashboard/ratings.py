"""The ratings' stream: what became of its events, its course, top movies, a user's movies."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, cast

from aiohttp import web

from agents.ratings.context import RatingsContext
from app.core.questions import timestamp
from app.core.ratings.changes import MovieTotal
from app.core.ratings.shown import stats_json, windows_json
from app.errors import UnavailableError
from app.inspection.paging import Bounds, read_page
from app.inspection.reader import TopicMissing
from app.ratings.report.workers import Course
from app.transports import RawRecord
from app.web.bodies import read_parameter
from app.web.dashboard.kept import Kept
from app.web.dashboard.looking import Looking
from app.web.dashboard.topics import at_last
from app.web.ratings import RatingId, recommend
from app.web.replies import json_reply
from app.wire.gate import WireGate
from models.ratings import StreamMetrics

STATS_SECONDS = 2.0
#: Workers tell their figures every 10 s.
COURSE_SECONDS = 5.0
COURSE_SPAN_SECONDS = 3600.0
#: A worker that has told nothing for so long, while others did, is gone.
GONE_SECONDS = 25.0
_COURSE = Bounds(rows=2_000, records=4_000, bytes=4 * 1024 * 1024, seconds=2.0)
WINDOWS = 60
MOVIES = 10


class RatingViews:
    """Serves the page of the ratings. All who look share the readings."""

    def __init__(self, context: RatingsContext, looking: Looking) -> None:
        self._context, self._looking = context, looking
        self._stats = Kept(self._read_stats, STATS_SECONDS, context.log)
        self._course = Kept(self._read_course, COURSE_SECONDS, context.log)

    def add_routes(self, app: web.Application) -> None:
        app.router.add_get("/ui/api/ratings", self._ratings)

    async def close(self) -> None:
        await self._stats.close()
        await self._course.close()

    async def _ratings(self, request: web.Request) -> web.Response:
        user = read_parameter(request, "user", RatingId)
        found = await at_last(self._stats, "the ratings")
        course = await self._course.get()
        chosen, chosen_trouble = None, None
        if user is not None:
            try:
                chosen = await recommend(self._context.ports, user, MOVIES)
            except UnavailableError as error:
                chosen_trouble = str(error)
        return json_reply(
            {
                "at": timestamp(time.time()),
                "read_at": timestamp(found.at),
                "trouble": found.trouble,
                **(found.value or {}),
                "model": self._context.ports.recommender.version,
                "course": course.value or {"step_seconds": None, "points": []},
                "course_trouble": course.trouble,
                "recommendations": chosen,
                "recommendations_trouble": chosen_trouble,
            }
        )

    async def _read_stats(self) -> dict[str, Any]:
        store = self._context.ports.store
        stats = await store.stats()
        return {
            "stats": stats_json(stats),
            **windows_json(stats, WINDOWS),
            "popular": [_movie(each) for each in await store.popular(MOVIES)],
            "users_recommended": await store.users_with_recommendations(),
        }

    async def _read_course(self) -> dict[str, Any]:
        topic, gate = self._context.names.metrics, WireGate(StreamMetrics)

        def judge(record: RawRecord) -> StreamMetrics | None:
            try:
                return cast(StreamMetrics, gate.decode(record.value or b""))
            except ValueError:
                return None

        async with self._looking.reader() as reader:
            try:
                spans = await reader.spans(await reader.partitions([topic]))
            except TopicMissing:
                return _course([])
            ends = {tp[1]: span.end for tp, span in spans.items()}
            page = await read_page(reader, topic, spans, ends, judge, _COURSE, older=True)
        return _course(page.rows)


def _movie(movie: MovieTotal) -> dict[str, Any]:
    return {
        "movieId": movie.movie_id,
        "count": movie.ratings,
        "mean": movie.sum_halves / 2 / movie.ratings,
        "last_timestamp": movie.last_timestamp,
    }


def _told_by_all(metrics: Sequence[StreamMetrics]) -> float:
    """Return the time up to which every worker that still tells has told."""
    last = {each.worker: each.at for each in metrics}
    newest = max(last.values())
    return min(at for at in last.values() if at > newest - GONE_SECONDS)


def _course(metrics: Sequence[StreamMetrics]) -> dict[str, Any]:
    """Return the last hour that the workers tell of, all of them together, by steps."""
    last = max((each.at for each in metrics), default=0.0)
    told = sorted(
        (each for each in metrics if each.at > last - COURSE_SPAN_SECONDS), key=lambda each: each.at
    )
    if not told:
        return {"step_seconds": None, "points": []}
    course = Course(told)
    until = _told_by_all(told) - course.start
    points: dict[float, dict[str, float]] = {}
    for name, lines in (
        ("per_second", course.rate(told)),
        ("rmse", course.mean(lambda each: each.rmse)),
        ("latency_p95_seconds", course.worst(lambda each: each.latency_p95_seconds)),
        ("lag", course.added(lambda each: each.lag)),
    ):
        for at, value in (point for line in lines for point in line):
            if at + course.step / 2 <= until + course.step / 100:
                points.setdefault(round(at, 3), {})[name] = value
    names = ("per_second", "rmse", "latency_p95_seconds", "lag")
    return {
        "step_seconds": course.step,
        "points": [
            {"at": round(course.start + at, 3), **{name: found.get(name) for name in names}}
            for at, found in sorted(points.items())
        ],
    }
