"""The table of the routes: each one that is served has its description here, and no other.

`app.web.openapi` refuses to describe a server that serves anything else, so a test fails until a
new route has its row. The parameters' names are also what requests are held to.
"""

from __future__ import annotations

from typing import Any

from app.core.ratings.events import RatingLimits
from app.settings import Settings
from app.web import openapi_shapes as shapes
from app.web.bodies import Pair, PairsBody
from app.web.openapi_dashboard import DASHBOARD_OPERATIONS
from app.web.openapi_letters import LETTER_OPERATIONS
from app.web.openapi_parts import OneOf, Operation, Reply
from app.web.openapi_quality import QUALITY_OPERATIONS
from app.web.openapi_questions import QUESTION_ID, QUESTION_OPERATIONS
from app.web.openapi_rating_intake import rating_intake_operations
from app.web.openapi_ratings import RATING_OPERATIONS
from app.web.openapi_topics import TOPIC_OPERATIONS

_COSTS = Operation(
    name="getCosts",
    summary="What all calls cost, by model; at most ten seconds old",
    tag="questions",
    replies={200: Reply("Calls, tokens, seconds", shapes.CostsShown)},
    errors=(503,),
)

_QUESTION_COSTS = Operation(
    name="getQuestionCosts",
    summary="What the calls of a question cost, by model",
    tag="questions",
    parameters=(QUESTION_ID,),
    replies={200: Reply("Calls, tokens, seconds", shapes.QuestionCosts)},
    errors=(404, 503),
)

_SCORE = Operation(
    name="scorePairs",
    summary="BERTScore of one pair, or of several",
    tag="scores",
    body=OneOf((Pair, PairsBody)),
    body_examples={
        "english": {"candidate": "Paris.", "reference": "The capital of France is Paris."},
        "español": {"candidate": "Santiago.", "reference": "La capital de Chile es Santiago."},
        "several": {"pairs": [{"candidate": "Lima.", "reference": "La capital de Perú es Lima."}]},
    },
    replies={
        200: Reply(
            "The figures and the gate's verdict", OneOf((shapes.PairScore, shapes.PairScores))
        )
    },
    errors=(503,),
)

_METRICS = Operation(
    name="getMetrics",
    summary="The figures of this process; the Prometheus text format when `Accept` asks for it",
    tag="service",
    replies={
        200: Reply(
            "Figures",
            shapes.Figures,
            others={"text/plain": str, "application/openmetrics-text": str},
        )
    },
)

_HEALTH = Operation(
    name="getHealth",
    summary="The service and each part it depends on",
    tag="service",
    replies={
        200: Reply("`healthy` or `degraded`", shapes.Health),
        503: Reply("`unhealthy`: the broker is down", shapes.Health),
    },
)


_INDEX = Operation(
    name="getIndex",
    summary="The service's name, version and routes; the dashboard when `Accept` asks for HTML",
    tag="service",
    replies={200: Reply("The index", shapes.Index, others={"text/html": str})},
)


def _probe(name: str, summary: str, kind: Any, *errors: int) -> Operation:
    return Operation(name, summary, "service", {200: Reply("Yes", kind)}, errors=errors)


#: `METHOD /path` -> its description, where no setting says otherwise.
OPERATIONS: dict[str, Operation] = {
    **QUESTION_OPERATIONS,
    "GET /questions/{id}/costs": _QUESTION_COSTS,
    "GET /costs": _COSTS,
    "POST /score": _SCORE,
    "GET /metrics": _METRICS,
    "GET /health": _HEALTH,
    "GET /livez": _probe("isAlive", "Whether the process serves requests", shapes.Alive),
    "GET /readyz": _probe("isReady", "Whether this worker takes work", shapes.Ready, 503),
    "GET /": _INDEX,
    **LETTER_OPERATIONS,
    **DASHBOARD_OPERATIONS,
    **TOPIC_OPERATIONS,
    **QUALITY_OPERATIONS,
    **RATING_OPERATIONS,
    **rating_intake_operations(RatingLimits()),
    "GET /asyncapi.json": _probe(
        "getAsyncApi", "The topics: records, keys, who sends and receives", dict[str, Any]
    ),
    "GET /openapi.json": _probe("getOpenApi", "This description", dict[str, Any]),
}


def operations_of(settings: Settings) -> dict[str, Operation]:
    """Return all descriptions, with the bounds that are settings."""
    limits = RatingLimits(settings.rating_max_user_id, settings.rating_max_movie_id)
    return {**OPERATIONS, **rating_intake_operations(limits)}
