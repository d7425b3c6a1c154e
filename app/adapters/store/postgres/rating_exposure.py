"""How often each movie is recommended, counted over every stored recommendation."""

from __future__ import annotations

from collections import Counter
from typing import Any

from app.adapters.store.postgres.rating_rows import recommended_movies

#: Rows of one read: a quarter of a kilobyte each.
_ROWS = 5_000
_SELECT = """
SELECT user_id, movies FROM rating_recommendations
WHERE user_id > $1 ORDER BY user_id LIMIT $2
"""


async def read_exposure(connection: Any) -> dict[int, int]:
    """Return users by movie. Read in parts: what is saved meanwhile may be in it or not."""
    found: Counter[int] = Counter()
    after = 0
    while rows := await connection.fetch(_SELECT, after, _ROWS):
        for row in rows:
            found.update(each.movie_id for each in recommended_movies(row["movies"]))
        after = rows[-1]["user_id"]
    return dict(found)
