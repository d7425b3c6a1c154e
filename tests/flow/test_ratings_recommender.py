"""The ratings pipeline with its real recommender: models taken up, totals taken over."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

from app.adapters.store.rating_memory import MemoryRatingStore
from app.recommender.fitting import fit
from app.recommender.model_file import write_model
from app.recommender.opening import open_recommender
from app.recommender.table import RatingTable
from app.transports import close_storage
from app.wire.ratings import encode_rating, rating_key
from tests.flow.engine import poll
from tests.flow.rating_engine import (
    START,
    PlainRecommender,
    random_events,
    rating_ports,
    running_ratings,
)
from tests.recommender.ratings import small_table


def events_of(table: RatingTable) -> list[tuple[bytes | None, bytes | None]]:
    columns = (table.users, table.movies, table.stars, table.timestamps)
    return [
        (rating_key(user), encode_rating(user, movie, stars, moment))
        for user, movie, stars, moment in zip(*(c.tolist() for c in columns), strict=True)
    ]


async def test_a_model_that_is_fitted_while_the_worker_runs_reaches_its_users(
    tmp_path: Path,
) -> None:
    table = small_table()
    stream = table.rows(slice(0, 600))
    store, recommender = MemoryRatingStore(), open_recommender(tmp_path)
    async with running_ratings(rating_ports(store, recommender)) as engine:
        await engine.append(events_of(stream))
        await engine.idle()
        user = int(stream.users[0])

        async def by(version: str) -> bool:
            found = await store.recommendation(user)
            return found is not None and found.model == version

        await poll(lambda: by("means"))
        model = fit(table, factors=4, epochs=3, held_out=0.0)
        write_model(tmp_path, model)
        await poll(lambda: by(model.version))
    found = await store.recommendation(user)
    assert found is not None
    rated = set(table.movies[table.users == user].tolist())
    assert found.movies
    assert not {movie.movie_id for movie in found.movies} & rated


async def test_a_worker_that_starts_again_tells_its_recommender_what_was_rated_before() -> None:
    name, store = uuid4().hex, MemoryRatingStore()
    try:
        async with running_ratings(rating_ports(store), name=name) as engine:
            await engine.append(
                [*random_events(300), (rating_key(5), encode_rating(5, 99, 4.5, START))]
            )
            await engine.idle()
        heir = PlainRecommender()
        async with running_ratings(rating_ports(store, heir), name=name):

            async def told() -> bool:
                return len(heir.restored) == 6

            await poll(told)
    finally:
        close_storage(f"memory://{name}")
    totals = [total for movies in heir.restored.values() for total in movies]
    expected = (await store.stats()).totals
    assert sum(total.ratings for total in totals) == sum(expected.by_halves)
    assert (99, 1, 9) in [total[:3] for total in totals]
