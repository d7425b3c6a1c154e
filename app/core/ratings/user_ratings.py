"""Every user's current ratings, in few bytes: two arrays for each user, twelve bytes a rating."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator

Ratings = tuple["array[int]", "array[int]"]
_NONE: Ratings = (array("I"), array("q"))


class UserRatings:
    """By user: movie ids, ascending, and beside them the marks (`app.core.ratings.changes`)."""

    __slots__ = ("_users",)

    def __init__(self) -> None:
        self._users: dict[int, Ratings] = {}

    def __len__(self) -> int:
        return len(self._users)

    def put(self, user: int, movie: int, mark: int) -> int:
        """Keep a rating if none of this user and movie is as new; return the mark known before.

        0 when there was none. Marks compare as their times do; of two with the same time the
        first stays.
        """
        known = self._users.get(user)
        if known is None:
            self._users[user] = (array("I", (movie,)), array("q", (mark,)))
            return 0
        movies, marks = known
        if movies[-1] < movie:
            movies.append(movie)
            marks.append(mark)
            return 0
        at = bisect_left(movies, movie)
        if movies[at] != movie:
            movies.insert(at, movie)
            marks.insert(at, mark)
            return 0
        before = marks[at]
        if mark >> 4 > before >> 4:
            marks[at] = mark
        return before

    def of(self, user: int) -> Ratings:
        """Return a user's movies and marks: not copies, so not to be kept or changed."""
        return self._users.get(user, _NONE)

    def users(self) -> list[int]:
        return list(self._users)

    def histories(self) -> Iterator[tuple[int, array[int], array[int]]]:
        """Return (user id, movies, marks) of every user, by user id."""
        for user in sorted(self._users):
            yield (user, *self._users[user])
