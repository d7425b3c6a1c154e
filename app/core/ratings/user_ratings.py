"""Every user's current ratings, in few bytes: two arrays for each user, twelve bytes a rating."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator

Ratings = tuple["array[int]", "array[int]"]
_NONE: Ratings = (array("I"), array("q"))


class UserRatings:
    """By user: movie ids, ascending, and beside them the marks (`app.core.ratings.changes`)."""

    __slots__ = ("_users",)

    def __init__(self) -> None:
        self._users: dict[int, Ratings] = {}

    def __len__(self) -> int:
        return len(self._users)

    def put_all(
        self, users: Iterable[int], movies: Iterable[int], marks: Iterable[int]
    ) -> list[int]:
        """Keep ratings in turn, each if none of its user and movie is as new.

        Returns for each the mark that was known before, 0 when there was none. Marks compare as
        their times do; of two with the same time the first stays.
        """
        known_users = self._users
        found: list[int] = []
        append = found.append
        for user, movie, mark in zip(users, movies, marks, strict=True):
            known = known_users.get(user)
            if known is None:
                known_users[user] = (array("I", (movie,)), array("q", (mark,)))
                append(0)
                continue
            rated, their_marks = known
            if rated[-1] < movie:
                rated.append(movie)
                their_marks.append(mark)
                append(0)
                continue
            at = bisect_left(rated, movie)
            if rated[at] != movie:
                rated.insert(at, movie)
                their_marks.insert(at, mark)
                append(0)
                continue
            before = their_marks[at]
            if mark >> 4 > before >> 4:
                their_marks[at] = mark
            append(before)
        return found

    def of(self, user: int) -> Ratings:
        """Return a user's movies and marks: not copies, so not to be kept or changed."""
        return self._users.get(user, _NONE)

    def users(self) -> list[int]:
        return list(self._users)

    def histories(self) -> Iterator[tuple[int, array[int], array[int]]]:
        """Return (user id, movies, marks) of every user, by user id."""
        for user in sorted(self._users):
            yield (user, *self._users[user])
