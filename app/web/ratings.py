"""`GET /ratings/...` and `GET /recommendations/{userId}`: of the store, over all workers."""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Generic, TypeVar

import msgspec
from aiohttp import web
from msgspec import Meta

from agents.ratings.context import RatingsContext
from app.core.ratings.changes import RatingStats, UserRecommendation
from app.core.ratings.shown import (
    as_recommended,
    movie_json,
    popular_json,
    recommendation_json,
    stats_json,
    windows_json,
)
from app.errors import InputError, NotFoundError
from app.ports.ratings import RatingPorts
from app.ports.recommender import History
from app.web.bodies import read_parameter
from app.web.replies import json_reply

#: Ids are unsigned 32-bit numbers wherever ratings are kept.
RatingId = Annotated[int, Meta(ge=1, le=2**32 - 1)]
WindowLimit = Annotated[int, Meta(ge=1, le=1000)]
MovieCount = Annotated[int, Meta(ge=1, le=100)]
DEFAULT_WINDOWS = 60
DEFAULT_MOVIES = 10

Value = TypeVar("Value")


class Shared(Generic[Value]):
    """One reading at a time, shared by all who asked before it began: never older than a request.

    Adding partitions up takes the database some ten milliseconds.
    """

    def __init__(self, read: Callable[[], Awaitable[Value]]) -> None:
        self._read = read
        self._one_at_a_time = asyncio.Lock()
        self._next: asyncio.Task[Value] | None = None

    async def read(self) -> Value:
        if self._next is None:
            self._next = asyncio.create_task(self._begin())
            self._next.add_done_callback(_looked_at)
        return await asyncio.shield(self._next)

    async def _begin(self) -> Value:
        async with self._one_at_a_time:
            self._next = None
            return await self._read()


def add_routes(app: web.Application, context: RatingsContext) -> None:
    """Add `/ratings/...` and `/recommendations/...`."""

    async def read_stats() -> RatingStats:
        return await context.ports.store.stats()  # the ports are opened later

    all_stats = Shared(read_stats)

    async def stats(_: web.Request) -> web.Response:
        return json_reply(stats_json(await all_stats.read()))

    async def windows(request: web.Request) -> web.Response:
        limit = read_parameter(request, "limit", WindowLimit, DEFAULT_WINDOWS)
        return json_reply(windows_json(await all_stats.read(), limit))

    async def movie(request: web.Request) -> web.Response:
        movie_id = _id(request, "movieId")
        found = await context.ports.store.movie(movie_id)
        if found is None:
            raise NotFoundError(f"nobody has rated movie {movie_id}")
        return json_reply(movie_json(found))

    async def recommendations(request: web.Request) -> web.Response:
        user_id = _id(request, "userId")
        n = read_parameter(request, "n", MovieCount, DEFAULT_MOVIES)
        return json_reply(await recommend(context.ports, user_id, n))

    app.router.add_get("/ratings/stats", stats)
    app.router.add_get("/ratings/windows", windows)
    app.router.add_get("/ratings/movies/{movieId}", movie)
    app.router.add_get("/recommendations/{userId}", recommendations)


async def recommend(ports: RatingPorts, user_id: int, n: int) -> dict[str, Any]:
    """Return a user's best movies as they are shown: stored ones, else those of the model's file
    if it knows him, else popular ones.

    Raises StoreUnavailable.
    """
    stored = await ports.store.recommendation(user_id)
    if stored is not None:
        return recommendation_json(stored, n)
    fitted_on = ports.recommender.fitted_on(user_id)
    if fitted_on:
        nothing_since = History(user_id, array("I"), array("q"))
        [movies] = ports.recommender.recommend([nothing_since], n)
        made = UserRecommendation(
            user_id=user_id,
            movies=tuple(movies),
            model=ports.recommender.version,
            ratings=fitted_on,
            made_at=ports.clock.now(),
        )
        return recommendation_json(made, n)
    popular = ports.recommender.popular(n)
    if not popular:  # this process has seen no rating: others may have
        popular = [as_recommended(movie) for movie in await ports.store.popular(n)]
    return popular_json(user_id, popular, ports.recommender.version)


def _id(request: web.Request, name: str) -> int:
    text = request.match_info[name]
    try:
        number: int = msgspec.convert(text, RatingId, strict=False)
    except msgspec.ValidationError as error:
        raise InputError(f"{name}: {error}", field=name) from None
    return number


def _looked_at(task: asyncio.Task[Any]) -> None:
    """Those who asked get the error; when all of them have gone, nobody need hear of it."""
    if not task.cancelled():
        task.exception()
