"""Records of the ratings pipeline.

`RatingEvent` is what others send: on the wire it is exactly its four fields, read by
`app.wire.ratings`. The other records are ours, and tagged as those of the questions are.
"""

from __future__ import annotations

from typing import Annotated, Optional

import faust
from msgspec import Meta

UserId = Annotated[int, Meta(ge=1, le=2**31 - 1)]
MovieId = Annotated[int, Meta(ge=1, le=2**31 - 1)]
Stars = Annotated[float, Meta(ge=0.5, le=5.0)]
UnixMilliseconds = Annotated[int, Meta(gt=0, le=253_402_300_799_999)]
UnixSeconds = Annotated[float, Meta(ge=1e9, le=1e11)]
Count = Annotated[int, Meta(ge=0)]
Seconds = Annotated[float, Meta(ge=0, le=1e9)]
Share = Annotated[float, Meta(ge=0, le=1)]
Name = Annotated[str, Meta(max_length=256)]


class RatingEvent(faust.Record, namespace="answerloop.RatingEvent"):
    """A user's rating of a movie: 0.5, 1.0, ... 5.0. The limits of the ids are settings."""

    userId: UserId  # noqa: N815 (the event's own names)
    movieId: MovieId  # noqa: N815
    rating: Stars
    timestamp: UnixMilliseconds


class RecommendedMovie(faust.Record, namespace="answerloop.RecommendedMovie"):
    """One movie of a recommendation: the expected rating, and how well it is founded."""

    movieId: MovieId  # noqa: N815
    score: Stars
    confidence: Share


class Recommendation(faust.Record, namespace="answerloop.Recommendation"):
    """A user's best unseen movies, best first, made from `ratings` ratings of his."""

    userId: UserId  # noqa: N815
    movies: list[RecommendedMovie]
    model: Name
    ratings: Count
    made_at: UnixSeconds


class StreamMetrics(faust.Record, namespace="answerloop.StreamMetrics"):
    """What one worker's ratings pipeline did in the last `seconds` seconds.

    `valid`, `rejected`, `duplicate` and `stale` count those seconds' events, on the partitions
    that this worker has; latencies run from the broker's time stamp to the applied rating, `rmse`
    is the error of their predictions. `coverage` is the share of all users with recommendations.
    """

    worker: Name
    at: UnixSeconds
    seconds: Seconds
    per_second: Annotated[float, Meta(ge=0)]
    valid: Count
    rejected: dict[str, int]
    duplicate: Count
    stale: Count
    late: Count
    lag: Count
    partitions: Count
    model: Name
    latency_p50_seconds: Optional[Seconds] = None  # noqa: UP045 (Faust reads it)
    latency_p95_seconds: Optional[Seconds] = None  # noqa: UP045
    latency_p99_seconds: Optional[Seconds] = None  # noqa: UP045
    rmse: Optional[Annotated[float, Meta(ge=0)]] = None  # noqa: UP045
    coverage: Optional[Share] = None  # noqa: UP045


#: Every record that travels on a topic of this pipeline.
RECORDS = (RatingEvent, Recommendation, StreamMetrics)
