"""Whatever is saved in whatever order: the figures are those of a plain recount."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.adapters.store.postgres.ratings import PostgresRatingStore
from app.adapters.store.rating_memory import MemoryRatingStore
from app.core.ratings.changes import MovieStats, MovieTotal, RatingStats, Totals
from app.ports.ratings import RatingStore
from tests.adapters.store.rating_facts import changes, rows, segment


class Save(NamedTuple):
    """A try to save: on the right offset, or beside it; `ratings` are (user, movie, halves)."""

    partition: int
    beside: int
    ratings: list[tuple[int, int, int]]
    merge: bool


RATINGS = st.tuples(st.integers(1, 3), st.integers(1, 4), st.integers(1, 10))
SAVES = st.builds(
    Save,
    st.integers(0, 2),
    st.sampled_from([0, 0, 0, -1, 1]),
    st.lists(RATINGS, max_size=6),
    st.booleans(),
)


class Plain:
    """A partition counted in the plainest way."""

    def __init__(self) -> None:
        self.log: list[tuple[int, int, int]] = []
        self.current: dict[tuple[int, int], int] = {}
        self.last: dict[int, int] = {}

    def apply(self, ratings: list[tuple[int, int, int]]) -> None:
        for user, movie_id, halves in ratings:
            self.log.append((user, movie_id, halves))
            self.current[user, movie_id] = halves
            self.last[movie_id] = len(self.log)

    def totals(self) -> Totals:
        by_halves = [0] * 11
        for halves in self.current.values():
            by_halves[halves] += 1
        users = len({user for user, _ in self.current})
        return Totals(valid=len(self.log), users=users, by_halves=by_halves)

    def movies(self) -> dict[int, MovieTotal]:
        found: defaultdict[int, list[int]] = defaultdict(list)
        for (_, movie_id), halves in self.current.items():
            found[movie_id].append(halves)
        return {n: MovieTotal(n, len(h), sum(h), self.last[n]) for n, h in found.items()}


async def check(store: RatingStore, saves: list[Save]) -> None:
    plain: defaultdict[int, Plain] = defaultdict(Plain)
    for save in saves:
        await one(store, save, plain[save.partition])
    everything = [movie for each in plain.values() for movie in each.movies().values()]
    stats = await store.stats()
    halves = Counter(h for each in plain.values() for h in each.current.values())
    assert stats == RatingStats(
        Totals(
            valid=sum(len(each.log) for each in plain.values()),
            users=sum(each.totals().users for each in plain.values()),
            by_halves=[halves[h] for h in range(11)],
        ),
        len({movie.movie_id for movie in everything}),
    )
    for movie_id in range(1, 5):
        found = [movie for movie in everything if movie.movie_id == movie_id]
        count = sum(each.ratings for each in found)
        assert await store.movie(movie_id) == (
            MovieStats(
                movie_id,
                count,
                sum(each.sum_halves for each in found) / 2 / count,
                max(each.last_timestamp for each in found),
            )
            if found
            else None
        )
    for partition, counted in plain.items():
        loaded = await store.load(partition)
        assert loaded.next_offset == len(counted.log)
        assert loaded.movies == tuple(v for _, v in sorted(counted.movies().items()))
        assert current(loaded.segments) == counted.current


async def one(store: RatingStore, save: Save, plain: Plain) -> None:
    at = len(plain.log)
    right = not save.beside
    before = plain.movies()
    if right:
        plain.apply(save.ratings)
    changed = [movie for n, movie in plain.movies().items() if before.get(n) != movie]
    body = segment(*((user, n, 1, halves) for user, n, halves in save.ratings))
    start = at + save.beside
    saved = await store.save(
        changes(
            start,
            max(start, start + len(save.ratings)),
            partition=save.partition,
            totals=plain.totals(),
            movies=changed,
            segment=body,
        )
    )
    assert saved is right
    if save.merge:
        kept = segment(*((user, n, 1, halves) for (user, n), halves in plain.current.items()))
        assert await store.merge(save.partition, len(plain.log), [kept]) is bool(plain.log)


def current(segments: object) -> dict[tuple[int, int], int]:
    found = {}
    for body in segments:  # type: ignore[attr-defined]
        for user, movie_id, _, halves in rows(body):
            found[user, movie_id] = halves
    return found


@settings(max_examples=200, deadline=None)
@given(st.lists(SAVES, max_size=12))
def test_in_memory(saves: list[Save]) -> None:
    asyncio.run(check(MemoryRatingStore(), saves))


@pytest.mark.postgres
def test_in_postgres(postgres_dsn: str) -> None:
    @settings(
        max_examples=40,
        deadline=None,
        suppress_health_check=[HealthCheck.nested_given],
    )
    @given(st.lists(SAVES, max_size=12))
    def run(saves: list[Save]) -> None:
        asyncio.run(emptied(postgres_dsn, saves))

    run()


async def emptied(dsn: str, saves: list[Save]) -> None:
    store = PostgresRatingStore(dsn)
    try:
        await store.reset()
        await check(store, saves)
    finally:
        await store.close()
