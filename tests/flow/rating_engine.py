"""A whole ratings pipeline in the test's own loop: memory log, in-memory store, real Faust."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from uuid import uuid4

from agents.ratings.context import RatingsLimits
from app.adapters.clock import SystemClock
from app.adapters.store.rating_memory import MemoryRatingStore, RatingData
from app.core.ratings.changes import MovieTotal, RecommendedMovie
from app.core.ratings.events import Rating, RatingLimits, Refusal
from app.errors import StoreUnavailable
from app.factory import create_ratings_app
from app.ports.ratings import RatingPorts, RatingStore
from app.ports.recommender import History
from app.service.outside import prepare_topics
from app.settings import RATINGS, load_settings
from app.transports import NewRecord, RawRecord, close_storage, storage_for
from app.wire import WireGate
from app.wire.ratings import RatingReader, encode_rating, rating_key
from models.questions import DeadLetter
from models.ratings import Recommendation, StreamMetrics
from tests.core.ratings.recount import Event, Recount, recount
from tests.flow.engine import poll
from tests.wire.rating_poison import BAD

LIMITS = RatingsLimits(
    flush_seconds=0.05,
    load_seconds=0.05,
    recommend_seconds=0.01,
    reload_seconds=0.05,
    metrics_seconds=0.2,
    drain_grace_seconds=0.5,
    stop_grace_seconds=1.0,
)
START = 1_761_763_121_809
READER = RatingReader(RatingLimits())
#: Bad events, but for the largest.
POISON = [
    (key, value) for key, value, _ in BAD.values() if len(key or b"") + len(value or b"") < 100_000
]


class PlainRecommender:
    """Predicts 3 stars and recommends movie 1: as little as the port allows."""

    def __init__(self) -> None:
        self.version = "plain"
        self.folded: list[int] = []
        self.forgotten: list[int] = []
        self.observed = 0
        self.restored: dict[int, list[MovieTotal]] = {}
        self.newer: str | None = None

    def predict(self, users: Sequence[int], movies: Sequence[int]) -> Sequence[float]:
        return [3.0] * len(users)

    def observe(self, movies: Sequence[int], halves: Sequence[int]) -> None:
        self.observed += len(movies)

    def restore(self, partition: int, movies: Sequence[MovieTotal]) -> None:
        self.restored[partition] = list(movies)

    def fold_in(self, histories: Sequence[History]) -> None:
        self.folded += [history.user_id for history in histories]

    def forget(self, users: Sequence[int]) -> None:
        self.forgotten += users

    def recommend(self, histories: Sequence[History], n: int) -> list[list[RecommendedMovie]]:
        movies = [RecommendedMovie(movie, 4.5, 0.5) for movie in range(1, n + 1)]
        return [[m for m in movies if m.movie_id not in history.movies] for history in histories]

    def fitted_on(self, user_id: int) -> int:
        return 0

    def popular(self, n: int) -> list[RecommendedMovie]:
        return []

    def reload(self) -> bool:
        if self.newer is None:
            return False
        self.version, self.newer = self.newer, None
        return True


class FaultyStore:
    """A store that is away now and then, or that loses its answer after it has done the work."""

    def __init__(self, inner: RatingStore) -> None:
        self.inner = inner
        self.away = False
        self.saves_before_lost_answer: int | None = None

    def __getattr__(self, name: str) -> Any:
        async def call(*args: Any) -> Any:
            if self.away:
                raise StoreUnavailable("away")
            answer = await getattr(self.inner, name)(*args)
            if name == "save" and self.saves_before_lost_answer is not None:
                self.saves_before_lost_answer -= 1
                if self.saves_before_lost_answer < 0:
                    self.saves_before_lost_answer = None
                    raise StoreUnavailable("the connection broke after the commit")
            return answer

        return call


def rating_ports(store: Any = None, recommender: Any = None) -> RatingPorts:
    return RatingPorts(
        store=store or MemoryRatingStore(),
        recommender=recommender or PlainRecommender(),
        clock=SystemClock(),
    )


class RatingsEngine:
    """A started ratings app with what a test asks of it."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.context = app.context
        self.names = app.context.names
        self.log: Any = storage_for(str(app.conf.broker[0]))

    async def append(self, events: Iterable[tuple[bytes | None, bytes | None]]) -> None:
        """Put events on the log, as another program would."""
        topic = self.names.ratings
        for key, value in events:
            await self.log.append(NewRecord(topic, self.log.partition_for(topic, key), key, value))

    def skip_an_offset(self) -> None:
        """Let each partition of `ratings` go on one offset further, as a transaction's end does."""
        topic = self.names.ratings
        for partition in range(self.log.topics()[topic].partitions):
            self.log._ends[(topic, partition)] += 1

    def messages(self, topic: str) -> list[RawRecord]:
        found = []
        for partition in range(self.log.topics()[topic].partitions):
            found += self.log.read((topic, partition), 0, 10_000_000)
        return found

    def letters(self) -> list[Any]:
        gate = WireGate(DeadLetter)
        return [gate.decode(raw.value or b"") for raw in self.messages(self.names.dead_letters)]

    def recommendations(self) -> list[Any]:
        gate = WireGate(Recommendation)
        return [gate.decode(raw.value or b"") for raw in self.messages(self.names.recommendations)]

    def metrics(self) -> list[Any]:
        gate = WireGate(StreamMetrics)
        return [gate.decode(raw.value or b"") for raw in self.messages(self.names.metrics)]

    def unacknowledged(self) -> int:
        topic, committed = self.names.ratings, self.log.committed(self.app.conf.id)
        return sum(
            self.log.end((topic, p)) - committed.get((topic, p), 0)
            for p in range(self.log.topics()[topic].partitions)
        )

    async def idle(self, seconds: float = 60.0) -> None:
        """Return once every rating is acknowledged and committed."""

        async def done() -> bool:
            return not self.unacknowledged()

        await poll(done, seconds)

    def recounts(self) -> dict[int, Recount]:
        """Recount every partition's log, independently of the pipeline."""
        by_partition: defaultdict[int, list[Event]] = defaultdict(list)
        for raw in self.messages(self.names.ratings):
            by_partition[raw.partition].append(event_of(raw))
        return {partition: recount(events) for partition, events in by_partition.items()}


def event_of(raw: RawRecord) -> Event:
    found = READER.read(raw.key, raw.value)
    if isinstance(found, Refusal):
        return Event(rule=found.rule.value)
    halves = int(found.rating * 2)
    return Event(found.userId, found.movieId, halves, found.timestamp, raw.timestamp)


async def assert_exact(engine: RatingsEngine, store: Any) -> None:
    """The store holds what a plain recount of the log gives: every figure, the difference is 0."""
    recounts = engine.recounts()
    for partition, plain in recounts.items():
        stored = await store.load(partition)
        totals = stored.totals
        for name in ("valid", "duplicate", "stale", "late", "future", "out_of_order"):
            assert getattr(totals, name) == getattr(plain, name), (partition, name)
        assert totals.rejected == plain.rejected
        assert totals.by_halves == plain.by_halves
        assert totals.users == len(plain.users)
        assert {movie: tuple(rest) for movie, *rest in stored.movies} == plain.movies
        assert stored.next_offset == engine.log.end((engine.names.ratings, partition))
    stats = await store.stats()
    assert stats.totals.valid == sum(each.valid for each in recounts.values())


@asynccontextmanager
async def running_ratings(
    ports: RatingPorts,
    *,
    name: str | None = None,
    limits: RatingsLimits = LIMITS,
    kill: bool = False,
    **settings: Any,
) -> AsyncIterator[RatingsEngine]:
    """Start the ratings pipeline on a memory log of its own, or on `name`, which outlives it."""
    broker = f"memory://{name or uuid4().hex}"
    chosen = load_settings(
        **{
            "broker": broker,
            "database": "memory:",
            "scorer": "memory:",
            "partitions": 2,
            "commit_interval_seconds": 0.05,
            **settings,
        }
    )
    await prepare_topics(chosen, (RATINGS,))
    app = create_ratings_app(chosen, ports, replace(limits))
    await app.start()
    try:
        yield RatingsEngine(app)
    finally:
        await app.stop()
        if name is None:
            close_storage(broker)


def random_events(
    count: int, seed: int = 1, bad: Sequence[tuple[bytes | None, bytes | None]] = ()
) -> list[tuple[bytes | None, bytes | None]]:
    """Return events with few users and movies: many duplicates, stale ones and replacements."""
    chance = random.Random(seed)
    events: list[tuple[bytes | None, bytes | None]] = []
    for _ in range(count):
        if bad and chance.random() < 0.1:
            events.append(chance.choice(bad))
            continue
        user, movie = chance.randint(1, 40), chance.randint(1, 60)
        rating = Rating(user, movie, chance.randint(1, 10) / 2, START + chance.randint(0, 500_000))
        events.append((rating_key(user), encode_rating(*rating)))
        if chance.random() < 0.05:
            events.append(events[-1])
    return events


__all__ = ["FaultyStore", "RatingData", "assert_exact", "random_events", "running_ratings"]


def place(engine: RatingsEngine, user: int) -> int:
    """Return the partition of a user's ratings."""
    return int(engine.log.partition_for(engine.names.ratings, rating_key(user)))
