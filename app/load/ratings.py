"""The ratings of a run: bodies for `POST /ratings`."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

import orjson

from app.load.questions import Request, zipf_rank

_STARS = tuple(half / 2 for half in range(1, 11))
#: Shares of half stars near those of MovieLens: whole stars more often, most of them 3 to 4.
_WEIGHTS = (16, 34, 14, 71, 44, 215, 110, 280, 76, 140)


@dataclass(frozen=True, slots=True)
class Ratings:
    """`batch` ratings in a request, of users and movies from 1 on; few movies get most ratings.

    `start_ms` is when the run starts (Unix milliseconds); a rating has the time at which it is due.
    """

    seed: int
    start_ms: int
    users: int
    movies: int
    batch: int = 1
    path: str = "/ratings"

    def make(self, n: int, due: float) -> Request:
        """Return request n, n from 0, which is due so many seconds after the start."""
        draw = Random(f"{self.seed}:rating:{n}")
        at = self.start_ms + int(due * 1000)
        made = [self._rating(draw, at) for _ in range(self.batch)]
        return Request(n, orjson.dumps(made[0] if self.batch == 1 else {"ratings": made}))

    def _rating(self, draw: Random, at: int) -> dict[str, object]:
        return {
            "userId": draw.randint(1, self.users),
            "movieId": zipf_rank(draw.random(), self.movies, 1.0) + 1,
            "rating": draw.choices(_STARS, _WEIGHTS)[0],
            "timestamp": at,
        }
