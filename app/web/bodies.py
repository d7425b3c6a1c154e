"""Request bodies and parameters: strict shapes, and errors that name the field."""

from __future__ import annotations

import asyncio
import re
from typing import Annotated, Any, TypeVar

import msgspec
from aiohttp import web
from msgspec import Meta

from app.core.metadata import MAX_BYTES, metadata_problem
from app.errors import InputError
from app.web.connections import BODY_SECONDS
from models.questions import MAX_ANSWER_CHARACTERS, MAX_QUESTION_CHARACTERS

MAX_BODY_BYTES = 65_536
#: Routes that take more: mended messages, of which the longest fits in base64; many of a kind.
LARGER_BODIES = {
    "/dead-letters/redrive": 4 * 1024 * 1024,
    "/questions": 4 * 1024 * 1024,
    "/ratings": 256 * 1024,
}
MAX_PAIRS = 256
MAX_QUESTIONS = 500
#: As many as a request line has room for.
MAX_IDS = 100

#: Something besides white space, and no NUL (PostgreSQL text can't hold one).
_TEXT = r"\A[^\x00]*[^\s\x00][^\x00]*\Z"
QuestionText = Annotated[str, Meta(min_length=1, max_length=MAX_QUESTION_CHARACTERS, pattern=_TEXT)]
ReferenceText = Annotated[str, Meta(max_length=MAX_QUESTION_CHARACTERS, pattern=r"\A[^\x00]*\Z")]
AnyText = Annotated[str, Meta(max_length=MAX_ANSWER_CHARACTERS)]
#: The description knows `Json` (`app.web.openapi`); `app.core.metadata` checks it.
Metadata = Annotated[
    dict[str, Any],
    Meta(
        description="To 32 KiB and 32 levels, without NUL characters; comes back with the question",
        extra_json_schema={
            "propertyNames": {"pattern": r"^[^\x00]*$"},
            "additionalProperties": {"$ref": "#/components/schemas/Json"},
        },
    ),
]

MAX_WAIT_SECONDS = 120.0
MAX_PAGE_LIMIT = 500
MAX_KEY_CHARACTERS = 255
WaitSeconds = Annotated[float, Meta(ge=0, le=MAX_WAIT_SECONDS)]
PageLimit = Annotated[int, Meta(ge=1, le=MAX_PAGE_LIMIT)]
PageCursor = Annotated[str, Meta(min_length=1, max_length=2000)]
#: What is looked for in texts, and a cause: no NUL, which PostgreSQL's text can't hold.
SearchText = Annotated[str, Meta(max_length=1000, pattern=r"\A[^\x00]*\Z")]
CauseText = Annotated[str, Meta(min_length=1, max_length=256, pattern=r"\A[^\x00]*\Z")]
#: Ids with commas between them.
_ID = r"[\x21-\x2b\x2d-\x7e]{1,64}"
IdList = Annotated[str, Meta(pattern=rf"\A{_ID}(,{_ID}){{0,{MAX_IDS - 1}}}\Z")]
IdempotencyKey = Annotated[str, Meta(min_length=1, max_length=MAX_KEY_CHARACTERS)]

Body = TypeVar("Body")


class QueryBody(msgspec.Struct, forbid_unknown_fields=True):
    """`POST /query`."""

    question_text: QuestionText
    original_answer: ReferenceText | None = None
    metadata: Metadata = {}
    fresh: bool = False


class QuestionOfMany(QueryBody, forbid_unknown_fields=True):
    """One of several questions: the body of `POST /query`, with a key of its own."""

    idempotency_key: IdempotencyKey | None = None


class QuestionsBody(msgspec.Struct, forbid_unknown_fields=True):
    """`POST /questions`: all are taken, or none."""

    questions: Annotated[list[QuestionOfMany], Meta(min_length=1, max_length=MAX_QUESTIONS)]


class Pair(msgspec.Struct, forbid_unknown_fields=True):
    """A candidate answer and its reference."""

    candidate: AnyText
    reference: AnyText


class PairsBody(msgspec.Struct, forbid_unknown_fields=True):
    """`POST /score` with several pairs."""

    pairs: Annotated[list[Pair], Meta(min_length=1, max_length=MAX_PAIRS)]


def check_metadata(metadata: dict[str, Any], place: str = "") -> None:
    """Raise InputError where metadata can't be kept; `place` is where it stands in the body."""
    problem = metadata_problem(metadata)
    if problem is None and len(msgspec.json.encode(metadata)) > MAX_BYTES:
        problem = f"over {MAX_BYTES} bytes"
    if problem:
        raise InputError(f"{place}metadata: {problem}", field=f"{place}metadata")


def body_limit(path: str) -> int:
    """Return how many bytes the body of a route may have."""
    return LARGER_BODIES.get(path, MAX_BODY_BYTES)


async def read_body(request: web.Request, shape: type[Body]) -> Body:
    """Return the JSON body as `shape`. Raises InputError naming the field that is wrong."""
    return decode(await read_bytes(request), shape)


async def read_bytes(request: web.Request, seconds: float = BODY_SECONDS) -> bytes:
    """Return the body; one that is not there in time is a 408, and its connection ends."""
    try:
        async with asyncio.timeout(seconds):
            return await request.read()
    except TimeoutError:
        raise web.HTTPRequestTimeout from None


def decode(raw: bytes, shape: type[Body]) -> Body:
    """Decode JSON strictly. Raises NotJson, or InputError with the field."""
    try:
        return msgspec.json.decode(raw, type=shape)
    except msgspec.ValidationError as error:
        raise InputError(_explain(str(error)), field=_field(str(error))) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NotJson(f"the body is not JSON: {error}") from error


def read_parameter(request: web.Request, name: str, kind: Any, default: Any = None) -> Any:
    """Return a query parameter as `kind`, or the default. Raises InputError naming it."""
    text = request.query.get(name)
    if text is None:
        return default
    try:
        return msgspec.convert(text, kind, strict=False)
    except msgspec.ValidationError as error:
        raise InputError(f"{name}: {error}", field=name) from None


class NotJson(InputError):
    """The body can't be read at all."""


def _field(message: str) -> str | None:
    path = re.search(r"`\$\.([A-Za-z_][\w.\[\]]*)`", message)
    if path:
        return path.group(1)
    named = re.search(r"field `([^`]+)`", message)
    return named.group(1)[:100] if named else None


def _explain(message: str) -> str:
    if "matching regex" in message:
        return "the text is blank, or has a NUL character"
    return message
