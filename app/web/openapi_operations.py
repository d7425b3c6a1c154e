"""The table of the routes: each one that is served has its description here, and no other.

`app.web.openapi` refuses to describe a server that serves anything else, so a test fails until a
new route has its row. The parameters' names are also what requests are held to.
"""

from __future__ import annotations

from typing import Any

from app.core.lifecycle import Status
from app.core.ratings.events import RatingLimits
from app.settings import Settings
from app.web import openapi_shapes as shapes
from app.web.bodies import (
    IdempotencyKey,
    PageCursor,
    PageLimit,
    Pair,
    PairsBody,
    QueryBody,
    WaitSeconds,
)
from app.web.openapi_dashboard import DASHBOARD_OPERATIONS
from app.web.openapi_letters import LETTER_OPERATIONS
from app.web.openapi_parts import EXAMPLE_ID, OneOf, Operation, Parameter, Reply
from app.web.openapi_quality import QUALITY_OPERATIONS
from app.web.openapi_rating_intake import rating_intake_operations
from app.web.openapi_ratings import RATING_OPERATIONS
from app.web.openapi_topics import TOPIC_OPERATIONS
from models.questions import QuestionId

_ID = Parameter("id", "path", QuestionId, "The question's id", EXAMPLE_ID)

_QUERY = Operation(
    name="askQuestion",
    summary="Take a question in, or answer with what is stored",
    tag="questions",
    parameters=(
        Parameter("wait", "query", WaitSeconds, "Hold the request until the question ends", 30),
        Parameter(
            "Idempotency-Key",
            "header",
            IdempotencyKey,
            "The id is derived from it; the same key with another body is 422",
            "order-17",
        ),
        # No pattern: what is no context is ignored, not refused.
        Parameter(
            "traceparent",
            "header",
            str,
            "W3C trace context: the question is part of that trace, where traces are collected; "
            "what is no valid context is ignored",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ),
        Parameter(
            "tracestate",
            "header",
            str,
            "What tracing systems add to `traceparent`",
            "vendor=00f067aa0ba902b7",
        ),
    ),
    body=QueryBody,
    body_examples={
        "english": {
            "question_text": "What is the capital of Peru?",
            "original_answer": "The capital of Peru is Lima.",
            "metadata": {"source": "geography"},
        },
        "español": {
            "question_text": "¿Cuál es la capital de Chile?",
            "original_answer": "La capital de Chile es Santiago.",
            "metadata": {"origen": "geografía"},
        },
        "no reference": {"question_text": "¿Qué es una partición?", "fresh": True},
    },
    replies={
        200: Reply("It is answered already, or ended within `wait`", shapes.Question),
        202: Reply(
            "It is on the log",
            shapes.Accepted,
            headers={"Location": "The address of the question"},
        ),
    },
    errors=(503,),
)

_QUESTION = Operation(
    name="getQuestion",
    summary="A question with every attempt",
    tag="questions",
    parameters=(_ID,),
    replies={200: Reply("The question", shapes.Question)},
    errors=(404, 503),
)

_QUESTIONS = Operation(
    name="listQuestions",
    summary="Questions, newest first, in pages, without their attempts",
    tag="questions",
    parameters=(
        Parameter("status", "query", Status, "Only those in this state", "dead"),
        Parameter("limit", "query", PageLimit, "Most questions on a page (50)", 50),
        Parameter("cursor", "query", PageCursor, "The `cursor` of the page before"),
    ),
    replies={200: Reply("One page; `cursor` is null on the last one", shapes.QuestionPage)},
    errors=(422, 503),
)

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
    parameters=(_ID,),
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
    "POST /query": _QUERY,
    "GET /questions/{id}": _QUESTION,
    "GET /questions": _QUESTIONS,
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
