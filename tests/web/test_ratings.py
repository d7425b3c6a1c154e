"""What is read of the ratings over HTTP: counts, windows, movies, recommendations."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from aiohttp.test_utils import TestClient, TestServer

from app.adapters.clock import SystemClock
from app.adapters.no_recommender import NoRecommender
from app.adapters.store.rating_memory import MemoryRatingStore
from app.core.ratings.changes import RatingStats, RecommendedMovie, Totals, Window
from app.errors import StoreUnavailable
from app.factory import create_ratings_app
from app.ports.ratings import RatingPorts
from app.ports.recommender import History
from app.settings import load_settings
from app.web import openapi_ratings as shapes
from app.web.ratings import Shared
from app.web.server import make_web_app
from tests.adapters.store.rating_facts import FULL, changes, movie, recommendation

RULES = {"malformed", "missing", "type", "user_id", "movie_id", "rating", "timestamp"}


class Popular(NoRecommender):
    version = "means"

    def popular(self, n: int) -> list[RecommendedMovie]:
        return [RecommendedMovie(100 - k, 5 - k / 100, 0.5) for k in range(n)]


class Fitted(Popular):
    """Has a model that was fitted on 17 ratings of user 9."""

    version = "20261125T225907.138Z"

    def fitted_on(self, user_id: int) -> int:
        return 17 if user_id == 9 else 0

    def recommend(self, histories: Sequence[History], n: int) -> list[list[RecommendedMovie]]:
        assert [(each.user_id, len(each.movies), len(each.marks)) for each in histories] == [
            (9, 0, 0)
        ]
        return [[RecommendedMovie(k, 4.5, 0.75) for k in range(1, n + 1)]]


class Away(MemoryRatingStore):
    """A database that can't be reached."""

    async def stats(self, *_: int) -> Any:
        raise StoreUnavailable("PostgreSQL at db: refused")

    movie = popular = recommendation = stats  # type: ignore[assignment]


@asynccontextmanager
async def serving(
    store: MemoryRatingStore | None = None, recommender: NoRecommender | None = None
) -> AsyncIterator[Any]:
    """Serve the API of a ratings pipeline that is not started; give a function that gets JSON."""
    settings = load_settings(broker="memory:")
    ports = RatingPorts(store or MemoryRatingStore(), recommender or NoRecommender(), SystemClock())
    app = make_web_app(None, settings, create_ratings_app(settings, ports).context)
    async with TestClient(TestServer(app)) as client:

        async def get(path: str) -> tuple[int, Any]:
            async with client.get(path) as response:
                if response.status == 503:
                    assert int(response.headers["Retry-After"]) >= 1
                return response.status, await response.json()

        yield get


async def test_an_empty_stream_counts_nothing_and_names_every_rule_and_rating() -> None:
    async with serving() as get:
        status, body = await get("/ratings/stats")
    assert status == 200
    assert list(body)[:8] == [
        "valid",
        "rejected",
        "duplicate",
        "stale",
        "by_rating",
        "users",
        "movies",
        "mean",
    ]
    assert body["rejected"] == dict.fromkeys(RULES, 0)
    assert body["by_rating"] == {f"{halves / 2:.1f}": 0 for halves in range(1, 11)}
    assert (body["valid"], body["mean"], body["rmse"]) == (0, None, None)


async def test_the_counts_are_those_of_all_partitions() -> None:
    store = MemoryRatingStore()
    await store.save(changes(totals=FULL, movies=[movie(7), movie(8)]))
    await store.save(changes(partition=1, totals=FULL, movies=[movie(8)]))
    async with serving(store) as get:
        _, body = await get("/ratings/stats")
    shown = msgspec.convert(body, shapes.RatingStats)
    assert (shown.valid, shown.duplicate, shown.stale) == (22, 4, 6)
    assert shown.rejected == dict.fromkeys(RULES, 0) | {"malformed": 8, "type": 2}
    assert (shown.by_rating["0.5"], shown.by_rating["5.0"]) == (2, 20)
    assert (shown.users, shown.movies) == (16, 2)
    assert shown.mean == pytest.approx(sum(h * h for h in range(11)) / 2 / 55)
    assert (shown.out_of_order, shown.late, shown.future) == (10, 12, 14)
    assert shown.predicted == 18
    assert shown.rmse == pytest.approx((20.2 / 18) ** 0.5)


async def test_a_movie_has_its_count_mean_and_newest_time() -> None:
    store = MemoryRatingStore()
    await store.save(changes(movies=[movie(7, 2, 13, 9_000)]))
    async with serving(store) as get:
        status, body = await get("/ratings/movies/7")
        assert (status, body) == (
            200,
            {"movieId": 7, "count": 2, "mean": 3.25, "last_timestamp": 9_000},
        )
        status, body = await get("/ratings/movies/8")
        assert (status, body["error"]["code"]) == (404, "not_found")


async def test_the_newest_windows_come_in_ascending_order() -> None:
    store = MemoryRatingStore()
    windows = [Window(60_000 * n, n, n * 8) for n in range(1, 101)]
    await store.save(changes(totals=replace(FULL, windows=windows)))
    async with serving(store) as get:
        _, body = await get("/ratings/windows")
        msgspec.convert(body, shapes.RatingWindows)
        assert body["window_seconds"] == 60
        assert [each["start"] for each in body["windows"]] == [60_000 * n for n in range(41, 101)]
        _, body = await get("/ratings/windows?limit=1")
        assert body["windows"] == [{"start": 6_000_000, "count": 100, "mean": 4.0}]


async def test_a_user_gets_the_best_of_what_is_stored() -> None:
    store = MemoryRatingStore()
    await store.save(changes(recommendations=[recommendation(1, ids=range(1, 21))]))
    async with serving(store, Popular()) as get:
        _, body = await get("/recommendations/1?n=2")
        assert body == {
            "userId": 1,
            "movies": [
                {"movieId": 1, "score": 4.5, "confidence": 1.0},
                {"movieId": 2, "score": 4.5 - 1 / 3, "confidence": 0.5},
            ],
            "source": "user",
            "model": "als-1",
            "ratings": 12,
            "made_at": "2023-11-14T22:13:20.125Z",
        }
        _, body = await get("/recommendations/1")
        assert len(body["movies"]) == 10
        _, body = await get("/recommendations/1?n=100")
        assert len(msgspec.convert(body, shapes.Recommendations).movies) == 20


async def test_an_unknown_user_gets_popular_movies() -> None:
    async with serving(recommender=Popular()) as get:
        status, body = await get("/recommendations/9?n=3")
    shown = msgspec.convert(body, shapes.Recommendations)
    assert (status, shown.userId, shown.source) == (200, 9, "popular")
    assert [each.movieId for each in shown.movies] == [100, 99, 98]
    assert (shown.model, shown.ratings, shown.made_at) == ("means", 0, None)


async def test_a_user_whom_only_the_models_file_knows_gets_his_own_movies() -> None:
    async with serving(recommender=Fitted()) as get:
        _, known = await get("/recommendations/9?n=2")
        _, unknown = await get("/recommendations/8?n=2")
    shown = msgspec.convert(known, shapes.Recommendations)
    assert (shown.source, shown.model, shown.ratings) == ("user", Fitted.version, 17)
    assert [each.movieId for each in shown.movies] == [1, 2]
    assert unknown["source"] == "popular"


async def test_a_worker_that_has_seen_no_rating_takes_the_popular_ones_of_the_store() -> None:
    store = MemoryRatingStore()
    await store.save(changes(movies=[movie(7, 20, 160), movie(8, 60, 300), movie(9)]))
    async with serving(store) as get:
        _, body = await get("/recommendations/9?n=2")
    assert body["movies"] == [
        {"movieId": 8, "score": 2.5, "confidence": 0.75},
        {"movieId": 7, "score": 4.0, "confidence": 0.5},
    ]


async def test_nobody_has_rated_anything_and_a_user_still_gets_an_answer() -> None:
    async with serving() as get:
        status, body = await get("/recommendations/1")
    assert (status, body["movies"], body["source"]) == (200, [], "popular")


@pytest.mark.parametrize("text", ["0", "-1", "x", "1.5", "4294967296", "9" * 400, "%00", "%20"])
async def test_a_bad_id_is_refused_by_name(text: str) -> None:
    async with serving() as get:
        for path, field in (("/ratings/movies/", "movieId"), ("/recommendations/", "userId")):
            status, body = await get(path + text)
            assert (status, body["error"]["field"]) == (422, field)


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/recommendations/1?n=0", "n"),
        ("/recommendations/1?n=101", "n"),
        ("/recommendations/1?n=ten", "n"),
        ("/recommendations/1?n=1&n=2", "n"),
        ("/recommendations/1?limit=1", "limit"),
        ("/ratings/windows?limit=0", "limit"),
        ("/ratings/windows?limit=1001", "limit"),
    ],
)
async def test_a_bad_parameter_is_refused_by_name(path: str, field: str) -> None:
    async with serving() as get:
        status, body = await get(path)
    assert (status, body["error"]["field"]) == (422, field)


@pytest.mark.parametrize(
    "path", ["/ratings/stats", "/ratings/windows", "/ratings/movies/1", "/recommendations/1"]
)
async def test_without_the_database_clients_are_told_when_to_come_back(path: str) -> None:
    async with serving(Away(), Popular()) as get:
        status, body = await get(path)
    assert (status, body["error"]["code"]) == (503, "unavailable")


async def test_readers_share_one_reading_that_is_not_older_than_their_question() -> None:
    begun: list[asyncio.Future[int]] = []

    async def read() -> int:
        begun.append(asyncio.get_running_loop().create_future())
        return await begun[-1]

    shared = Shared(read)
    first = asyncio.create_task(shared.read())
    while not begun:
        await asyncio.sleep(0)
    later = [asyncio.create_task(shared.read()) for _ in range(50)]
    for _ in range(5):
        await asyncio.sleep(0)
    assert len(begun) == 1, "one at a time"
    later.pop().cancel()
    begun[0].set_result(1)
    assert await first == 1
    while len(begun) < 2:
        await asyncio.sleep(0)
    begun[1].set_result(2)
    assert set(await asyncio.gather(*later)) == {2}
    assert len(begun) == 2


async def test_a_reading_that_fails_does_not_spoil_the_next() -> None:
    results: list[Any] = [StoreUnavailable("away"), RatingStats(Totals(), 0)]

    async def read() -> Any:
        result = results.pop(0)
        if isinstance(result, Exception):
            raise result
        return result

    shared = Shared(read)
    with pytest.raises(StoreUnavailable):
        await shared.read()
    assert await shared.read() == RatingStats(Totals(), 0)
