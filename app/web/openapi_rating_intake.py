"""`POST /ratings`, as `app.web.openapi_operations` has the others: shapes and row."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from app.core.ratings.events import RatingLimits
from app.web.openapi_parts import OneOf, Operation, Reply
from app.web.openapi_shapes import Shape
from app.web.rating_intake import MAX_RATINGS
from app.wire.ratings import rating_struct


class AcceptedRatings(Shape):
    accepted: int


def rating_bodies(limits: RatingLimits) -> tuple[type[msgspec.Struct], type[msgspec.Struct]]:
    """Return the shapes of one rating, which is that of an event on the topic, and of several."""
    one = rating_struct(limits)
    several = msgspec.defstruct(
        "Ratings",
        [("ratings", Annotated[list[one], Meta(min_length=1, max_length=MAX_RATINGS)])],  # type: ignore[valid-type]
        forbid_unknown_fields=True,
        namespace={"__doc__": "Several ratings: all are taken, or none."},
    )
    return one, several


def rating_intake_operations(limits: RatingLimits) -> dict[str, Operation]:
    """Return the row; the greatest ids are settings."""
    one, several = rating_bodies(limits)
    rate = Operation(
        name="rateMovies",
        summary="Put ratings on the log, one or up to 1000: all of them, or none",
        tag="ratings",
        body=OneOf((several, one)),
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
    return {"POST /ratings": rate}
