"""The good rows of a MovieLens file as messages; the bad ones counted, and kept beside the file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from app.core.ratings.events import RatingLimits
from app.files.rejects import RejectsFile
from app.files.rows import BadRow
from app.ratings.faulty import RatingMessage
from app.ratings.movielens import BadRating, read_movielens
from app.wire.ratings import encode_rating, rating_key


class FileEvents:
    """The first `count` good rows of the file (None: all). Raises InputError at once or on the way.

    `rejected` counts bad rows by rule; each is added to the rejects file. `bad` is told of each.
    """

    def __init__(
        self,
        path: Path,
        limits: RatingLimits,
        count: int | None = None,
        bad: Callable[[BadRow], None] = lambda _: None,
    ) -> None:
        self.rejected: Counter[str] = Counter()
        self.rejects_path = path.with_name(f"{path.stem}.rejects.csv")
        self._rows = read_movielens(path, limits)
        self._count = count
        self._bad = bad

    def __iter__(self) -> Iterator[RatingMessage]:
        return islice(self._messages(), self._count)

    def _messages(self) -> Iterator[RatingMessage]:
        with RejectsFile(self.rejects_path) as rejects:
            for row in self._rows:
                if isinstance(row, BadRating):
                    rejects.add(row.row)
                    self.rejected[row.rule] += 1
                    self._bad(row.row)
                else:
                    yield RatingMessage(rating_key(row.userId), encode_rating(*row))
