"""`POST /ratings`, as `app.web.openapi_operations` has the others: shapes and row."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from app.core.ratings.events import MAX_TIMESTAMP_MS, RatingLimits
from app.web.openapi_parts import OneOf, Operation, Reply
from app.web.openapi_shapes import Shape
from app.web.rating_intake import MAX_RATINGS

_LIMITS = RatingLimits()


class RatingBody(msgspec.Struct, forbid_unknown_fields=True):
    """A user's rating of a movie. The greatest ids are settings."""

    userId: Annotated[int, Meta(ge=1, le=_LIMITS.max_user_id)]  # noqa: N815 (the event's names)
    movieId: Annotated[int, Meta(ge=1, le=_LIMITS.max_movie_id)]  # noqa: N815
    rating: Annotated[float, Meta(ge=0.5, le=5.0, multiple_of=0.5)]
    timestamp: Annotated[int, Meta(ge=1, le=MAX_TIMESTAMP_MS, description="Unix milliseconds")]


class RatingsBody(msgspec.Struct, forbid_unknown_fields=True):
    """Several ratings: all are taken, or none."""

    ratings: Annotated[list[RatingBody], Meta(min_length=1, max_length=MAX_RATINGS)]


class AcceptedRatings(Shape):
    accepted: int


_RATE = Operation(
    name="rateMovies",
    summary="Put ratings on the log, one or up to 1000: all of them, or none",
    tag="ratings",
    body=OneOf((RatingsBody, RatingBody)),
    body_examples={
        "english": {"userId": 7, "movieId": 32, "rating": 3.5, "timestamp": 1761763121809},
        "español": {
            "ratings": [
                {"userId": 7, "movieId": 32, "rating": 3.5, "timestamp": 1761763121809},
                {"userId": 8, "movieId": 32, "rating": 5.0, "timestamp": 1761763121815},
            ]
        },
    },
    replies={202: Reply("All are on the log", AcceptedRatings)},
    errors=(503,),
)

RATING_INTAKE_OPERATIONS: dict[str, Operation] = {"POST /ratings": _RATE}
