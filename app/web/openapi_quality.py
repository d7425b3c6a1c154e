"""The dashboard's routes of quality and ratings, as `app.web.openapi_operations` has the others."""

from __future__ import annotations

from app.web.dashboard import shapes_quality as shapes
from app.web.dashboard.quality import Range
from app.web.openapi_parts import Operation, Parameter, Reply
from app.web.ratings import RatingId

#: `METHOD /path` -> its description.
QUALITY_OPERATIONS: dict[str, Operation] = {
    "GET /ui/api/quality": Operation(
        "getQuality",
        "Scores, pass shares, reasons of rejection, pairs, and the check of the gate",
        "dashboard",
        {200: Reply("The view", shapes.QualityShown)},
        (Parameter("range", "query", Range, "Accepted within (day)", "hour"),),
        errors=(422, 503),
    ),
    "GET /ui/api/ratings": Operation(
        "getRatings",
        "The ratings' stream: counts, course, top movies, and a user's movies",
        "dashboard",
        {200: Reply("The view", shapes.RatingsShown)},
        (Parameter("user", "query", RatingId, "Whose recommendations", 7),),
        errors=(422, 503),
    ),
}
