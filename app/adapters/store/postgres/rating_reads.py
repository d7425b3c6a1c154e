"""What is read of the ratings: figures over all partitions, and one user's recommendation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.adapters.store.postgres.rating_rows import recommendation_of, totals_of
from app.adapters.store.rating_sums import add_movie, add_totals
from app.core.ratings.changes import MovieStats, MovieTotal, RatingStats, UserRecommendation

# One statement, one moment: the totals and the movies belong together.
_STATS = """
SELECT *, (
    SELECT count(*) FROM (
        SELECT FROM rating_movies WHERE ratings > 0 GROUP BY movie_id) AS rated) AS movies
FROM rating_partitions ORDER BY partition
"""
_MOVIE = """
SELECT movie_id, ratings, sum_halves, last_timestamp FROM rating_movies
WHERE movie_id = $1 ORDER BY partition
"""
_POPULAR = """
SELECT movie_id, sum(ratings)::bigint AS all_ratings, sum(sum_halves)::bigint, max(last_timestamp)
FROM rating_movies WHERE ratings > 0
GROUP BY movie_id ORDER BY all_ratings DESC, movie_id LIMIT $1
"""


async def read_stats(connection: Any) -> RatingStats:
    """Return all partitions added up."""
    rows = await connection.fetch(_STATS)
    return RatingStats(add_totals(map(totals_of, rows)), rows[0]["movies"] if rows else 0)


async def read_movie(connection: Any, movie_id: int) -> MovieStats | None:
    """Return a movie's figures; None without a rating."""
    return add_movie(MovieTotal(*row) for row in await connection.fetch(_MOVIE, movie_id))


async def read_popular(connection: Any, limit: int) -> Sequence[MovieTotal]:
    """Return the movies with the most ratings."""
    return [MovieTotal(*row) for row in await connection.fetch(_POPULAR, limit)]


async def read_recommendation(connection: Any, user_id: int) -> UserRecommendation | None:
    """Return what was last stored for a user."""
    row = await connection.fetchrow(
        "SELECT * FROM rating_recommendations WHERE user_id = $1", user_id
    )
    return None if row is None else recommendation_of(row)


async def count_recommendations(connection: Any) -> int:
    """Return how many users have one."""
    count: int = await connection.fetchval("SELECT count(*) FROM rating_recommendations")
    return count


async def read_anything(connection: Any) -> None:
    """Read something small of the tables: they are there, and the server answers."""
    await connection.fetchval("SELECT FROM rating_partitions LIMIT 1")
