"""Bodies and parameters of the dead letter routes."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from app.core.redrive import LetterState
from app.letters.redriving import MAX_BATCH
from models.questions import QuestionId

_DAY = r"2\d{3}-((0[1-9]|1[0-2])-(0[1-9]|1\d|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)"
_CLOCK = r"T([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?(Z|[+-](0\d|1[0-3]):[0-5]\d)?"
#: 2h (ago), 2026-11-25, 2026-11-25T18:00:00Z, or Unix seconds.
When = Annotated[
    str,
    Meta(
        max_length=40,
        pattern=rf"\A(\d{{1,6}}[smhdw]|\d{{1,10}}(\.\d{{1,6}})?|{_DAY}({_CLOCK})?)\Z",
        description="2h, 3d (that long ago), an ISO 8601 time (UTC without a zone), Unix seconds",
    ),
]
Causes = Annotated[str, Meta(min_length=1, max_length=2000, description="Separated by commas")]
CauseName = Annotated[str, Meta(min_length=1, max_length=256, pattern=r"\A[^,\x00]*\Z")]
TopicName = Annotated[str, Meta(min_length=1, max_length=249, pattern=r"\A[A-Za-z0-9._-]+\Z")]
Attempts = Annotated[int, Meta(ge=0, le=10_000)]
Order = Literal["newest", "oldest"]
OriginText = Annotated[
    str,
    Meta(max_length=300, pattern=r"\A[A-Za-z0-9._-]+/\d{1,9}/\d{1,18}\Z", examples=["a/0/17"]),
]
Base64 = Annotated[
    str,
    Meta(
        pattern=r"\A(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?\Z",
        description="base64",
    ),
]
#: No letters later than year 5138, which no clock of ours writes.
Moment = Annotated[float, Meta(ge=0, lt=1e11)]


class FilterBody(msgspec.Struct, forbid_unknown_fields=True):
    """Which letters; a part that is left out asks nothing."""

    cause: Annotated[list[CauseName], Meta(max_length=100)] = []
    topic: TopicName | None = None
    since: Moment | When | None = None
    until: Moment | When | None = None
    attempts_at_least: Attempts = 0
    question_id: QuestionId | None = None
    state: LetterState | None = None


class LetterBody(msgspec.Struct, forbid_unknown_fields=True):
    """A letter to be redriven, with new bytes for its message if it needs mending."""

    origin: OriginText
    value: Base64 | None = None
    key: Base64 | None = None


class _Redrive(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What every redrive says. `redrive_id` goes on with one that began before."""

    dry_run: bool = True
    redrive_id: Annotated[int, Meta(ge=1, le=2**53)] | None = None
    by: Annotated[str, Meta(max_length=100)] = "http"
    transform: Annotated[str, Meta(max_length=300)] | None = None
    planned: Annotated[int, Meta(ge=0, le=2_000_000_000)] | None = None


class RedriveFilterBody(_Redrive, kw_only=True):
    """`POST /dead-letters/redrive` by filter: the oldest `limit` letters, from `cursor` on."""

    filter: FilterBody
    limit: Annotated[int, Meta(ge=1, le=MAX_BATCH)] = 200
    cursor: Annotated[str, Meta(min_length=1, max_length=2000)] | None = None


class RedriveLettersBody(_Redrive, kw_only=True):
    """`POST /dead-letters/redrive` of these letters."""

    letters: Annotated[list[LetterBody], Meta(min_length=1, max_length=MAX_BATCH)]


class PurgeBody(msgspec.Struct, forbid_unknown_fields=True):
    """`POST /dead-letters/purge`. Without a filter: what was redriven, and what is old."""

    filter: FilterBody = msgspec.field(default_factory=FilterBody)
    dry_run: bool = True
