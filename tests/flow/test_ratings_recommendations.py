"""Recommendations of the running pipeline: who gets them, when, and of which model."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from app.adapters.store.rating_memory import MemoryRatingStore
from app.wire.ratings import encode_rating, rating_key
from tests.flow.engine import poll
from tests.flow.rating_engine import (
    LIMITS,
    READER,
    START,
    PlainRecommender,
    place,
    random_events,
    rating_ports,
    running_ratings,
)


async def test_users_whose_recommendations_failed_get_them_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("agents.ratings.recommending._REST_SECONDS", 0.05)

    class FailsTwice(PlainRecommender):
        failures = 0

        def recommend(self, *arguments: Any, **options: Any) -> Any:
            if self.failures < 2:
                self.failures += 1
                raise ZeroDivisionError
            return super().recommend(*arguments, **options)

    store, recommender = MemoryRatingStore(), FailsTwice()
    async with running_ratings(rating_ports(store, recommender)) as engine:
        await engine.append(random_events(200))
        await engine.idle()
        users = {each.userId for each in map(read, engine.messages(engine.names.ratings))}
        await has_models(store, users, "plain")
    assert recommender.failures == 2


class TestRecommendations:
    async def test_a_user_who_rated_gets_the_best_unseen_ones(self) -> None:
        store = MemoryRatingStore()
        async with running_ratings(rating_ports(store)) as engine:
            await engine.append([(rating_key(7), encode_rating(7, 2, 4.0, START))])

            async def stored() -> Any:
                return await store.recommendation(7)

            found = await poll(stored)
            movies = [movie.movie_id for movie in found.movies]
            assert movies == [1, *range(3, LIMITS.stored_movies + 1)]
            assert (found.model, found.ratings) == ("plain", 1)
            [published] = engine.recommendations()
            assert [movie.movieId for movie in published.movies] == movies[:10]
            assert (published.userId, published.ratings) == (7, 1)
            assert engine.messages(engine.names.recommendations)[0].key == b"7"

    async def test_many_ratings_of_a_user_become_few_recommendations(self) -> None:
        async with running_ratings(rating_ports()) as engine:
            await engine.append(
                [(rating_key(7), encode_rating(7, n, 4.0, START + n)) for n in range(1, 500)]
            )
            await engine.idle()

            async def last() -> bool:
                return any(each.ratings == 499 for each in engine.recommendations())

            await poll(last)
            assert len(engine.recommendations()) < 100

    async def test_a_newer_model_is_taken_up_and_everybody_is_folded_in_anew(self) -> None:
        store, recommender = MemoryRatingStore(), PlainRecommender()
        async with running_ratings(rating_ports(store, recommender)) as engine:
            await engine.append(random_events(300))
            users = {each.userId for each in map(read, engine.messages(engine.names.ratings))}
            await has_models(store, users, "plain")
            recommender.newer = "better"
            await has_models(store, users, "better")

    async def test_users_of_a_partition_that_went_to_another_worker_are_forgotten(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store, recommender = MemoryRatingStore(), PlainRecommender()
        async with running_ratings(rating_ports(store, recommender)) as engine:
            await engine.append(random_events(300))
            await engine.idle()
            users = {each.userId for each in map(read, engine.messages(engine.names.ratings))}
            await has_models(store, users, "plain")
            gone = place(engine, 7)
            for module in ("flushing", "statistics"):
                monkeypatch.setattr(
                    f"agents.ratings.{module}.owned", lambda _: {*range(6)} - {gone}
                )

            async def forgotten() -> bool:
                return set(recommender.forgotten) == {u for u in users if place(engine, u) == gone}

            await poll(forgotten)

    async def test_after_a_crash_nobody_is_forgotten(self, log: str) -> None:
        """Recommendations that were due when the worker died are made by the next."""
        store = MemoryRatingStore()
        never = replace(LIMITS, recommend_seconds=1000.0)
        async with running_ratings(rating_ports(store), name=log, limits=never) as engine:
            await engine.append(random_events(200))
            await engine.idle()
            users = {each.userId for each in map(read, engine.messages(engine.names.ratings))}
            assert await store.users_with_recommendations() == 0
        async with running_ratings(rating_ports(store), name=log) as engine:
            await has_models(store, users, "plain")


def read(raw: Any) -> Any:
    return READER.read(raw.key, raw.value)


async def has_models(store: Any, users: set[int], model: str) -> None:
    async def done() -> bool:
        found = [await store.recommendation(user) for user in users]
        return all(each is not None and each.model == model for each in found)

    await poll(done)
