"""Recommendations: users who rated something, oldest first, in small turns of the event loop."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from time import monotonic
from typing import Any

from agents.ratings.context import RatingsContext
from agents.ratings.flushing import Flusher
from agents.ratings.partitions import Partition, Partitions
from agents.ratings.sending import Encoded, publish_encoded
from agents.waits import Draining
from app.core.ratings.changes import RecommendedMovie, UserRecommendation
from app.ports.recommender import History
from app.tracing.port import BatchSpan
from app.wire import WireGate
from models.ratings import Recommendation
from models.ratings import RecommendedMovie as RecommendedMovieRecord

STAGE = "recommending"
_LARGEST_BATCH = 512
#: After an error: its users come again, behind the others, but not at once.
_REST_SECONDS = 5.0
_GATE = WireGate(Recommendation)


class Waiting:
    """Users whose recommendations are to be made anew, each once, with their partitions.

    Those who have just rated come first, oldest first; behind them all users of a partition that
    was loaded, and of every partition when there is a new model.
    """

    def __init__(self) -> None:
        self._rated: dict[int, int] = {}
        self._others: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._rated) + len(self._others)

    def add(self, partition: Partition, users: Sequence[int]) -> None:
        number, rated = partition.number, self._rated
        for user in users:
            if user not in rated:
                rated[user] = number

    def add_all(self, partition: Partition) -> None:
        if partition.state is not None:
            self._others |= dict.fromkeys(partition.state.users(), partition.number)

    def take(self, count: int) -> list[tuple[int, int]]:
        """Return up to `count` (user, partition number), and wait for them no more."""
        taken: dict[int, int] = {}
        for users in (self._rated, self._others):
            while users and len(taken) < count:
                user = next(iter(users))
                taken[user] = users.pop(user)
        return list(taken.items())

    def again(self, users: Sequence[tuple[int, int]]) -> None:
        """They were taken in vain."""
        for user, number in users:
            self._others.setdefault(user, number)


class Recommending:
    """Makes, publishes and stores recommendations, a batch at a turn."""

    def __init__(
        self, context: RatingsContext, partitions: Partitions, flusher: Flusher, waiting: Waiting
    ) -> None:
        self._context = context
        self._partitions = partitions
        self._flusher = flusher
        self._waiting = waiting
        self._seconds_each = 0.001
        self._asked_at = 0.0
        self._rests_until = 0.0

    async def turn(self) -> None:
        """Make as many recommendations as fit into one turn. Never raises."""
        context = self._context
        if context.app.rebalancing or context.app.consumer.draining.is_set():
            return
        if monotonic() < self._rests_until:
            return
        users: list[tuple[int, int]] = []
        try:
            self._look_for_a_model()
            users = self._waiting.take(self._batch())
            if users:
                with context.tracing.work("recommend") as span:
                    await self._make(users, span)
        except Draining:
            self._waiting.again(users)
        except Exception:  # noqa: BLE001 (the stage boundary: the statistics go on)
            context.metrics.count("stage_errors", STAGE)
            context.log.error("recommending_failed", error=traceback.format_exc())
            self._waiting.again(users)
            self._rests_until = monotonic() + _REST_SECONDS

    def _look_for_a_model(self) -> None:
        """Take up a newer model; then everybody's vectors are to be computed anew."""
        limits, recommender = self._context.limits, self._context.ports.recommender
        if monotonic() - self._asked_at < limits.reload_seconds:
            return
        self._asked_at = monotonic()
        if recommender.reload():
            self._context.log.info("model_taken_up", model=recommender.version)
            for partition in self._partitions.loaded():
                self._waiting.add_all(partition)

    def _batch(self) -> int:
        """Return how many users fit into a turn, which is short while the stream is behind."""
        limits = self._context.limits
        busy = lag(self._context) > limits.busy_lag
        seconds = limits.busy_turn_seconds if busy else limits.recommend_turn_seconds
        return max(1, min(int(seconds / self._seconds_each), _LARGEST_BATCH))

    async def _make(self, users: Sequence[tuple[int, int]], span: BatchSpan) -> None:
        context, began = self._context, monotonic()
        recommender = context.ports.recommender
        found: list[tuple[Partition, History]] = []
        for user, number in users:
            partition = self._partitions[number]
            history = partition.history(user)
            if history is not None:
                found.append((partition, history))
        histories = [history for _, history in found]
        if not histories:
            return
        recommender.fold_in(histories)
        ranked = recommender.recommend(histories, context.limits.stored_movies)
        made = [
            UserRecommendation(
                user_id=history.user_id,
                movies=tuple(movies),
                model=recommender.version,
                ratings=len(history.movies),
                made_at=context.now(),
            )
            for history, movies in zip(histories, ranked, strict=True)
        ]
        messages = [self._message(each) for each in made]
        self._took((monotonic() - began) / len(histories))
        span.note({"answerloop.users": len(made), "answerloop.model": recommender.version})
        await publish_encoded(context, context.names.recommendations, messages, span.headers)
        context.metrics.count("recommendations_published", by=len(messages))
        for (partition, _), each in zip(found, made, strict=True):
            if partition.state is not None:
                partition.recommendations[each.user_id] = each
        self._flusher.needed()

    def _message(self, made: UserRecommendation) -> Encoded:
        shown = made.movies[: self._context.limits.published_movies]
        value = _GATE.encode_fields(
            {
                "userId": made.user_id,
                "movies": [_published(movie) for movie in shown],
                "model": made.model,
                "ratings": made.ratings,
                "made_at": made.made_at,
            }
        )
        return Encoded(b"%d" % made.user_id, value)

    def _took(self, seconds_each: float) -> None:
        """Learn what a user costs: quickly when it is more than was thought."""
        weight = 0.5 if seconds_each > self._seconds_each else 0.1
        self._seconds_each += weight * (seconds_each - self._seconds_each)


def _published(movie: RecommendedMovie) -> dict[str, Any]:
    return {
        "type": RecommendedMovieRecord._options.namespace,
        "movieId": movie.movie_id,
        "score": movie.score,
        "confidence": movie.confidence,
    }


def lag(context: RatingsContext) -> int:
    """Return how many ratings lie between what is acknowledged here and the ends of the log."""
    topic = context.names.ratings
    return sum(behind for tp, behind in context.app.consumer.lag().items() if tp.topic == topic)


def declare(context: RatingsContext, recommending: Recommending) -> None:
    """Declare the timer that gives recommendations their turns."""

    @context.app.timer(interval=context.limits.recommend_seconds, name="recommend")
    async def recommend() -> None:
        await recommending.turn()
