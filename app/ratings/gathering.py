"""Ratings for the recommender as columns: of a MovieLens file, or all that the topic holds."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

from app.core.ratings.events import RatingLike, RatingLimits, Refusal
from app.ratings.movielens import BadRating, read_movielens
from app.ratings.reading import CHUNK, open_group
from app.settings import Settings
from app.wire.ratings import RatingReader

#: How long a partition may be silent before its end, which transactions and retention can move.
_PATIENCE_SECONDS = 10.0

Shown = Callable[[int], None]


class Gathered:
    """Columns of equal length, and what was left out by rule."""

    def __init__(self) -> None:
        self.users, self.movies = array("q"), array("q")
        self.stars, self.timestamps = array("d"), array("q")
        self.rejected: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self.users)

    def add(self, ratings: Iterable[RatingLike]) -> None:
        for rating in ratings:
            self.users.append(rating.userId)
            self.movies.append(rating.movieId)
            self.stars.append(rating.rating)
            self.timestamps.append(rating.timestamp)


def gather_file(path: Path, limits: RatingLimits, shown: Shown) -> Gathered:
    """Read a file; bad rows are counted and left out. Raises InputError for a bad file."""
    found = Gathered()
    for row in read_movielens(path, limits):
        if isinstance(row, BadRating):
            found.rejected[row.rule] += 1
            continue
        found.add((row,))
        if len(found) % CHUNK == 0:
            shown(len(found))
    return found


async def gather_topic(
    settings: Settings, topic: str, limits: RatingLimits, shown: Shown
) -> Gathered:
    """Read the topic from its first event to the ends it has now, outside any group."""
    found, gate = Gathered(), RatingReader(limits)
    async with open_group(settings, topic, None, reset=True) as reader:
        left = sum((await reader.lag()).values())
        while left > 0:
            records = await reader.fetch(CHUNK, _PATIENCE_SECONDS)
            if not records:
                break
            left -= len(records)
            ratings = gate.read_all(records)
            found.rejected.update(str(e.rule) for e in ratings if isinstance(e, Refusal))
            found.add(each for each in ratings if not isinstance(each, Refusal))
            shown(len(found))
    return found
