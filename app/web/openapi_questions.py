"""The rows of the questions' routes, as `app.web.openapi_operations` has the others."""

from __future__ import annotations

from app.core.lifecycle import Status
from app.web import openapi_shapes as shapes
from app.web.bodies import (
    MAX_IDS,
    MAX_QUESTIONS,
    IdempotencyKey,
    IdList,
    PageCursor,
    PageLimit,
    QueryBody,
    QuestionsBody,
    WaitSeconds,
)
from app.web.openapi_parts import EXAMPLE_ID, Operation, Parameter, Reply
from models.questions import QuestionId

QUESTION_ID = Parameter("id", "path", QuestionId, "The question's id", EXAMPLE_ID)

_TRACE = (
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
)

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
        *_TRACE,
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

_MANY = Operation(
    name="askQuestions",
    summary=f"Take up to {MAX_QUESTIONS} questions in: all of them, or none",
    tag="questions",
    parameters=_TRACE,
    body=QuestionsBody,
    body_examples={
        "english": {
            "questions": [
                {"question_text": "What is the capital of Peru?", "original_answer": "Lima."},
                {"question_text": "Why is the sky blue?", "idempotency_key": "order-18"},
            ]
        },
        "español": {
            "questions": [
                {
                    "question_text": "¿Cuál es la capital de Chile?",
                    "original_answer": "La capital de Chile es Santiago.",
                    "metadata": {"origen": "geografía"},
                }
            ]
        },
    },
    replies={202: Reply("All that have no answer yet are on the log", shapes.AcceptedQuestions)},
    errors=(503,),
)

_QUESTION = Operation(
    name="getQuestion",
    summary="A question with every attempt",
    tag="questions",
    parameters=(QUESTION_ID,),
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
        Parameter("ids", "query", IdList, f"Only these, in this order: 1 to {MAX_IDS} ids"),
    ),
    replies={200: Reply("One page; `cursor` is null on the last one", shapes.QuestionPage)},
    errors=(422, 503),
)

QUESTION_OPERATIONS = {
    "POST /query": _QUERY,
    "POST /questions": _MANY,
    "GET /questions/{id}": _QUESTION,
    "GET /questions": _QUESTIONS,
}
