"""The dead letter routes, as `app.web.openapi_operations` has the others: shapes and rows."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType, field

from app.core.redrive import LetterState, Refusal
from app.web import letter_bodies as bodies
from app.web.bodies import PageCursor, PageLimit
from app.web.openapi_parts import OneOf, Operation, Parameter, Reply
from app.web.openapi_shapes import Shape, Timestamp
from models.questions import QuestionId

_ORIGIN = "llm-responses-error/3/17"
KeptState = Literal["open", "redriving", "redriven"]


class WouldSend(Shape, kw_only=True):
    """What a redrive would send of a letter: base64, null where there is nothing."""

    as_: Literal["question", "bytes", "arrived", "refused", "failed"] = field(name="as")
    reason: str | None
    topic: str | UnsetType = UNSET
    key_base64: str | UnsetType | None = UNSET
    value_base64: str | UnsetType | None = UNSET


class ListedLetter(Shape, kw_only=True):
    """A dead letter without its bytes. `bytes` is the length of the message, null without one."""

    origin: str
    topic: str
    partition: int
    offset: int
    cause: str
    detail: str
    attempts: int
    question_id: str | None
    round: int | None
    generation: int | None
    attempt: int | None
    first_seen_at: Timestamp
    dead_at: Timestamp
    bytes: int | None
    state: KeptState
    redrive_id: int | None
    redriven_at: Timestamp | None
    became_round: int | None
    key_base64: str | UnsetType | None = UNSET
    value_base64: str | UnsetType | None = UNSET
    redrive: WouldSend | UnsetType = UNSET


class Counted(Shape):
    """How many letters are of a kind."""

    cause: str
    topic: str
    state: KeptState
    letters: int


class LetterPage(Shape):
    letters: list[ListedLetter]
    cursor: str | None
    counts: list[Counted] | UnsetType = UNSET


class Refused(Shape):
    why: Refusal
    meaning: str
    letters: int


class RedrivePlan(Shape, kw_only=True):
    """What a redrive would do. `until` is the moment of the plan, in Unix seconds."""

    examined: int
    planned: int
    as_question: int
    as_bytes: int
    by_cause: dict[str, int]
    by_topic: dict[str, int]
    refused: int
    refusals: list[Refused]
    until: float
    more: bool


class RedrivenLetter(Shape):
    origin: str
    outcome: Literal["sent", "arrived", "refused", "failed"]
    reason: str | None
    question_id: str | None
    round: int | None


class RedriveBatch(Shape, kw_only=True):
    """What a request did; the next one begins at `cursor`."""

    redrive_id: int
    sent: int
    arrived: int
    refused: int
    failed: int
    letters: list[RedrivenLetter]
    cursor: str | None


class WouldPurge(Shape):
    would_purge: int
    counts: list[Counted]


class Purged(Shape):
    purged: int


class Redrive(Shape, kw_only=True):
    redrive_id: int
    started_at: Timestamp
    last_at: Timestamp
    by: str
    filter: dict[str, Any]
    transform: str | None
    planned: int
    sent: int
    refused: int
    failed: int


class Resumed(Shape):
    resumed: bool


class Redrives(Shape):
    redrives: list[Redrive]


_PartitionNumber = Annotated[str, Meta(pattern=r"\A\d{1,9}\Z")]
_Offset = Annotated[str, Meta(pattern=r"\A\d{1,18}\Z")]

_LIST = Operation(
    name="listDeadLetters",
    summary="Dead letters in pages, with their numbers by cause if wanted",
    tag="dead letters",
    parameters=(
        Parameter("cause", "query", bodies.Causes, "Of these causes", "unauthorized,forbidden"),
        Parameter("topic", "query", bodies.TopicName, "From this topic", "llm-responses-error"),
        Parameter("since", "query", bodies.When, "Dead since", "2h"),
        Parameter("until", "query", bodies.When, "Dead before", "2026-11-25T18:00:00Z"),
        Parameter("attempts_at_least", "query", bodies.Attempts, "After this many attempts", 2),
        Parameter("question_id", "query", QuestionId, "Of this question"),
        Parameter("state", "query", LetterState, "open (the default), redriven or all", "open"),
        Parameter("limit", "query", PageLimit, "Most letters on a page (50)", 50),
        Parameter("cursor", "query", PageCursor, "The `cursor` of the page before"),
        Parameter("order", "query", bodies.Order, "newest first (the default) or oldest", "newest"),
        Parameter("bytes", "query", bool, "With the bytes, and what a redrive would send", False),
        Parameter("counts", "query", bool, "With the numbers by cause, topic and state", True),
    ),
    replies={200: Reply("One page; `cursor` is null on the last one", LetterPage)},
    errors=(422, 503),
)

_ONE = Operation(
    name="getDeadLetter",
    summary="A dead letter with its bytes, and what a redrive would send of it",
    tag="dead letters",
    parameters=(
        Parameter("topic", "path", bodies.TopicName, "Topic of the message", "llm-responses-error"),
        Parameter("partition", "path", _PartitionNumber, "Its partition", "3"),
        Parameter("offset", "path", _Offset, "Its offset", "17"),
    ),
    replies={200: Reply("The letter", ListedLetter)},
    errors=(404, 503),
)

_REDRIVE = Operation(
    name="redriveDeadLetters",
    summary="Send dead letters again, or say what that would do (the default)",
    tag="dead letters",
    body=OneOf((bodies.RedriveFilterBody, bodies.RedriveLettersBody)),
    body_examples={
        "english": {"filter": {"cause": ["unauthorized"], "since": "2h"}},
        "español": {
            "filter": {"cause": ["unauthorized"]},
            "by": "José",
            "dry_run": False,
            "limit": 100,
        },
        "mended": {"letters": [{"origin": _ORIGIN, "value": "e30="}]},
    },
    replies={200: Reply("What was done, or would be", OneOf((RedriveBatch, RedrivePlan)))},
    errors=(404, 503),
)

_PURGE = Operation(
    name="purgeDeadLetters",
    summary="Remove dead letters for good, or say which would go (the default)",
    tag="dead letters",
    body=bodies.PurgeBody,
    body_examples={
        "english": {"filter": {"state": "redriven"}},
        "español": {"filter": {"cause": ["rejected"], "until": "3d"}, "dry_run": True},
    },
    replies={200: Reply("How many went, or would", OneOf((Purged, WouldPurge)))},
    errors=(503,),
)

_REDRIVES = Operation(
    name="listRedrives",
    summary="What was redriven, when and by whom, the latest first",
    tag="dead letters",
    parameters=(Parameter("limit", "query", PageLimit, "Most redrives (50)", 50),),
    replies={200: Reply("Redrives", Redrives)},
    errors=(422, 503),
)

_RESUME = Operation(
    name="resumeIntake",
    summary="Open the intake that a flood of deaths has stopped, by an operator's word",
    tag="dead letters",
    replies={200: Reply("Whether it was stopped", Resumed)},
)

LETTER_OPERATIONS: dict[str, Operation] = {
    "GET /dead-letters": _LIST,
    "GET /dead-letters/{topic}/{partition}/{offset}": _ONE,
    "POST /dead-letters/redrive": _REDRIVE,
    "POST /dead-letters/purge": _PURGE,
    "GET /redrives": _REDRIVES,
    "POST /flood/resume": _RESUME,
}
