"""The dashboard's routes, as `app.web.openapi_operations` has the others."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from app.core.lifecycle import Status
from app.web.bodies import CauseText, PageCursor, PageLimit, SearchText
from app.web.dashboard import shapes, shapes_system
from app.web.dashboard.routes import Events, Every
from app.web.openapi_parts import EXAMPLE_ID, OneOf, Operation, Parameter, Reply, view
from app.web.releases import ReleaseFilterBody, ReleaseIdsBody
from models.questions import QuestionId

_ID = Parameter("id", "path", QuestionId, "The question's id", EXAMPLE_ID)
_VERSION = Annotated[str, Meta(min_length=1)]
_FILE = Annotated[str, Meta(pattern=r"\A[a-z_/]+\.(js|css|svg)\Z")]

_LIMIT = Parameter("limit", "query", PageLimit, "Most questions on a page (50)", 50)
_CURSOR = Parameter("cursor", "query", PageCursor, "The `cursor` of the page before")


_LIVE = Operation(
    name="listen",
    summary="Server-sent events: `history` (points of the charts, by column), then states",
    tag="dashboard",
    parameters=(
        Parameter("every", "query", Every, "Seconds from one state to the next (1)", 5),
        Parameter("events", "query", Events, "End after so many states", 1),
    ),
    replies={
        200: Reply(
            "`state` holds what `GET /ui/api/overview` answers, and `point`",
            None,
            others={"text/event-stream": shapes.LiveEvent},
        )
    },
    errors=(422, 503),
)

_FILES = Operation(
    name="getDashboardFile",
    summary="A file of the dashboard; under its own version it never changes",
    tag="dashboard",
    parameters=(
        Parameter("version", "path", _VERSION, "The hash of all files", "0123456789ab"),
        Parameter("file", "path", _FILE, "Its path", "main.js"),
    ),
    replies={
        200: Reply(
            "The file",
            None,
            others={"text/javascript": str, "text/css": str, "image/svg+xml": str},
        )
    },
    errors=(404,),
)

_RELEASE = Operation(
    name="releaseRetries",
    summary="End waits now: of some questions, or of the soonest that fit a filter",
    tag="questions",
    body=OneOf((ReleaseIdsBody, ReleaseFilterBody)),
    body_examples={
        "english": {"question_ids": [EXAMPLE_ID], "dry_run": False},
        "español": {"question_ids": ["pregunta-7"]},
        "plan": {"filter": {"cause": "rate_limited"}, "limit": 100},
    },
    replies={200: Reply("What was released, or would be", shapes.Released)},
    errors=(503,),
)

#: `METHOD /path` -> its description.
DASHBOARD_OPERATIONS: dict[str, Operation] = {
    "GET /ui/api/overview": view(
        "getOverview", "All questions, and what this worker is doing", shapes.OverviewShown
    ),
    "GET /ui/api/questions": view(
        "findQuestions",
        "Questions by state, or those that hold a text, newest first",
        shapes.QuestionsShown,
        Parameter("status", "query", Status, "Only those in this state", "dead"),
        Parameter("q", "query", SearchText, "In question, reference, answer; or an id's start"),
        _LIMIT,
        _CURSOR,
        errors=(422, 503),
    ),
    "GET /ui/api/questions/{id}": view(
        "getQuestionView",
        "A question with its calls and dead letters",
        shapes.QuestionShown,
        _ID,
        errors=(404, 503),
    ),
    "GET /ui/api/questions/{id}/journey": view(
        "getJourney",
        "A question's way through the topics, with partitions and offsets",
        shapes.JourneyShown,
        _ID,
        errors=(404, 503),
    ),
    "GET /ui/api/retries": view(
        "getRetries",
        "What waits: due times, causes, and the list, soonest first",
        shapes.RetriesShown,
        Parameter("cause", "query", CauseText, "Only what waits for this cause", "rate_limited"),
        _LIMIT,
        _CURSOR,
        errors=(422, 503),
    ),
    "GET /ui/api/system": view(
        "getSystem",
        "This worker: dependencies, stages, commits, event loop, gate, versions, settings",
        shapes_system.SystemShown,
    ),
    "GET /live": _LIVE,
    "GET /ui/{version}/{file}": _FILES,
    "POST /retries/release": _RELEASE,
}
