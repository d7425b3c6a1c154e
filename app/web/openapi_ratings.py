"""The routes of the ratings, as `app.web.openapi_operations` has the others: shapes and rows."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from app.web.openapi_parts import Operation, Parameter, Reply
from app.web.openapi_shapes import Shape, Timestamp
from app.web.ratings import (
    DEFAULT_MOVIES,
    DEFAULT_WINDOWS,
    MovieCount,
    RatingId,
    WindowLimit,
)

Milliseconds = Annotated[int, Meta(description="Unix milliseconds")]
Stars = Annotated[float, Meta(description="0.5 to 5.0")]


class RatingStats(Shape, kw_only=True):
    """Every event of the stream is in one of `valid`, `duplicate`, `stale` and `rejected`."""

    valid: int
    rejected: dict[str, int]
    duplicate: int
    stale: int
    by_rating: dict[str, int]
    users: int
    movies: int
    mean: Stars | None
    out_of_order: int
    late: int
    future: int
    rmse: float | None
    predicted: int


class RatedMovie(Shape, kw_only=True):
    movieId: int  # noqa: N815 (the event's own names)
    count: int
    mean: Stars
    last_timestamp: Milliseconds


class RatingWindow(Shape):
    start: Milliseconds
    count: int
    mean: Stars


class RatingWindows(Shape):
    window_seconds: int
    windows: list[RatingWindow]


class Recommended(Shape):
    movieId: int  # noqa: N815 (the event's own names)
    score: Stars
    confidence: float


class Recommendations(Shape, kw_only=True):
    """`source` is `popular` for a user of whom nothing is known; `made_at` is null then."""

    userId: int  # noqa: N815 (the event's own names)
    movies: list[Recommended]
    source: Literal["user", "popular"]
    model: str
    ratings: int
    made_at: Timestamp | None


RATING_OPERATIONS: dict[str, Operation] = {
    "GET /ratings/stats": Operation(
        name="getRatingStats",
        summary="Counts over the whole stream of ratings, all workers added up",
        tag="ratings",
        replies={200: Reply("Exact counts of what is stored", RatingStats)},
        errors=(503,),
    ),
    "GET /ratings/windows": Operation(
        name="getRatingWindows",
        summary="Ratings by the minute of their own time, the newest windows",
        tag="ratings",
        parameters=(
            Parameter(
                "limit",
                "query",
                WindowLimit,
                f"Most windows ({DEFAULT_WINDOWS})",
                DEFAULT_WINDOWS,
            ),
        ),
        replies={200: Reply("Windows that have ratings, ascending", RatingWindows)},
        errors=(422, 503),
    ),
    "GET /ratings/movies/{movieId}": Operation(
        name="getRatedMovie",
        summary="The current ratings of one movie",
        tag="ratings",
        parameters=(Parameter("movieId", "path", RatingId, "The movie's id", 1),),
        replies={200: Reply("Count, mean and time of the newest", RatedMovie)},
        errors=(404, 422, 503),
    ),
    "GET /recommendations/{userId}": Operation(
        name="getRecommendations",
        summary="A user's best movies that he has not rated; popular ones for an unknown user",
        tag="ratings",
        parameters=(
            Parameter("userId", "path", RatingId, "The user's id", 1),
            Parameter("n", "query", MovieCount, f"Most movies ({DEFAULT_MOVIES})", DEFAULT_MOVIES),
        ),
        replies={200: Reply("Movies, best first", Recommendations)},
        errors=(422, 503),
    ),
}
