"""The dashboard's routes, as `app.web.openapi_operations` has the others."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from app.core.lifecycle import Status
from app.web.bodies import CauseText, PageCursor, PageLimit, SearchText
from app.web.dashboard import shapes, shapes_system
from app.web.dashboard.routes import Events, Every
from app.web.openapi_parts import OneOf, Operation, Parameter, Reply
from app.web.releases import ReleaseFilterBody, ReleaseIdsBody

_ID = "a852525a-fa24-564a-8061-04fa2fb83426"
_QUESTION_ID = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"\A[\x21-\x7e]+\Z")]
_VERSION = Annotated[str, Meta(min_length=1)]
_FILE = Annotated[str, Meta(pattern=r"\A[a-z_/]+\.(js|css|svg)\Z")]

_LIMIT = Parameter("limit", "query", PageLimit, "Most questions on a page (50)", 50)
_CURSOR = Parameter("cursor", "query", PageCursor, "The `cursor` of the page before")


def _view(
    name: str, summary: str, kind: Any, *parameters: Parameter, errors: Any = ()
) -> Operation:
    reply = Reply("The view", kind)
    return Operation(name, summary, "dashboard", {200: reply}, parameters, errors=errors)


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
        "english": {"question_ids": [_ID], "dry_run": False},
        "español": {"question_ids": ["pregunta-7"]},
        "plan": {"filter": {"cause": "rate_limited"}, "limit": 100},
    },
    replies={200: Reply("What was released, or would be", shapes.Released)},
    errors=(503,),
)

#: `METHOD /path` -> its description.
DASHBOARD_OPERATIONS: dict[str, Operation] = {
    "GET /ui/api/overview": _view(
        "getOverview", "All questions, and what this worker is doing", shapes.OverviewShown
    ),
    "GET /ui/api/questions": _view(
        "findQuestions",
        "Questions by state, or those that hold a text, newest first",
        shapes.QuestionsShown,
        Parameter("status", "query", Status, "Only those in this state", "dead"),
        Parameter("q", "query", SearchText, "In question, reference, answer; or an id's start"),
        _LIMIT,
        _CURSOR,
        errors=(422, 503),
    ),
    "GET /ui/api/questions/{id}": _view(
        "getQuestionView",
        "A question with its calls and dead letters",
        shapes.QuestionShown,
        Parameter("id", "path", _QUESTION_ID, "The question's id", _ID),
        errors=(404, 503),
    ),
    "GET /ui/api/questions/{id}/journey": _view(
        "getJourney",
        "A question's way through the topics, with partitions and offsets",
        shapes.JourneyShown,
        Parameter("id", "path", _QUESTION_ID, "The question's id", _ID),
        errors=(404, 503),
    ),
    "GET /ui/api/retries": _view(
        "getRetries",
        "What waits: due times, causes, and the list, soonest first",
        shapes.RetriesShown,
        Parameter("cause", "query", CauseText, "Only what waits for this cause", "rate_limited"),
        _LIMIT,
        _CURSOR,
        errors=(422, 503),
    ),
    "GET /ui/api/system": _view(
        "getSystem",
        "This worker: dependencies, stages, commits, event loop, gate, versions, settings",
        shapes_system.SystemShown,
    ),
    "GET /live": _LIVE,
    "GET /ui/{version}/{file}": _FILES,
    "POST /retries/release": _RELEASE,
}
