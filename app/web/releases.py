"""`POST /retries/release`: waits end now, by an operator's word."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import msgspec
from aiohttp import web
from msgspec import Meta

from agents.context import Context
from agents.waits import Outgoing, send_once
from app.core.lifecycle import Status
from app.core.questions import StoredQuestion, timestamp
from app.errors import BrokerUnavailable, InputError
from app.web.audit import note
from app.web.bodies import CauseText, PageCursor, decode, read_bytes
from app.web.replies import json_reply
from models.questions import QuestionId, RetryDue

MAX_RELEASED = 500
#: Ids that a line of the audit log names.
LOGGED_IDS = 10


class WaitFilter(msgspec.Struct, forbid_unknown_fields=True):
    """Which waits; a part that is left out asks nothing."""

    cause: CauseText | None = None


class ReleaseIdsBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The waits of these questions; those that do not wait are passed over."""

    question_ids: Annotated[list[QuestionId], Meta(min_length=1, max_length=MAX_RELEASED)]
    dry_run: bool = True


class ReleaseFilterBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The soonest `limit` waits that fit `filter`, from `cursor` on."""

    filter: WaitFilter
    limit: Annotated[int, Meta(ge=1, le=MAX_RELEASED)] = 200
    cursor: PageCursor | None = None
    dry_run: bool = True


ReleaseBody = ReleaseIdsBody | ReleaseFilterBody


def add_routes(app: web.Application, context: Context) -> None:
    async def release(request: web.Request) -> web.Response:
        body = _body(await read_bytes(request))
        waits, cursor = await _waits(context, body)
        sent, failed = 0, ""
        if not body.dry_run:
            sent, failed = await _release(context, waits)
        done: dict[str, Any] = {
            "dry_run": body.dry_run,
            "waiting": len(waits),
            "released": sent,
            "failed": len(waits) - sent if not body.dry_run else 0,
        }
        note(done | _meant(body))
        if failed and not sent:
            raise BrokerUnavailable(failed)
        return json_reply({**done, "waits": [_row(wait) for wait in waits], "cursor": cursor})

    app.router.add_post("/retries/release", release)


def _body(raw: bytes) -> ReleaseBody:
    top = decode(raw, dict[str, Any])
    if ("filter" in top) == ("question_ids" in top):
        raise InputError("give either question_ids or filter", field="filter")
    return decode(raw, ReleaseFilterBody) if "filter" in top else decode(raw, ReleaseIdsBody)


def _meant(body: ReleaseBody) -> dict[str, Any]:
    """Return what was ordered, for the audit log."""
    if isinstance(body, ReleaseIdsBody):
        return {"question_ids": body.question_ids[:LOGGED_IDS]}
    return {"cause": body.filter.cause}


async def _waits(context: Context, body: ReleaseBody) -> tuple[list[StoredQuestion], str | None]:
    """Return the questions meant that wait, and where the next page of them begins."""
    store = context.ports.store
    if isinstance(body, ReleaseIdsBody):
        known = await store.questions_by_id(list(dict.fromkeys(body.question_ids)))
        return [each for each in known if each.status is Status.WAITING], None
    wanted = body.filter.cause
    page = await store.waits(cause=wanted, limit=body.limit, cursor=body.cursor)
    return list(page.questions), page.cursor


async def _release(context: Context, waits: list[StoredQuestion]) -> tuple[int, str]:
    """Tell `hold` that waits are over; return how many words the log took, and a trouble.

    `hold` releases what it holds of exactly this turn, once: a word too many does nothing.
    """
    topic, now = context.names.retries_due, context.now()
    words = [Outgoing(topic, each.question_id, _word(each, now)) for each in waits]
    results = await asyncio.gather(
        *(send_once(context, word) for word in words), return_exceptions=True
    )
    failures = [result for result in results if isinstance(result, BaseException)]
    for failure in failures:
        if not isinstance(failure, BrokerUnavailable):
            raise failure
    return len(results) - len(failures), str(failures[0]) if failures else ""


def _word(wait: StoredQuestion, now: float) -> RetryDue:
    return RetryDue(
        question_id=wait.question_id,
        round=wait.turn.round,
        generation=wait.turn.generation,
        attempt=wait.turn.attempt,
        due_at=wait.due_at if wait.due_at is not None else now,
        early=True,
    )


def _row(wait: StoredQuestion) -> dict[str, Any]:
    return {
        "question_id": wait.question_id,
        "cause": wait.cause,
        "due_at": timestamp(wait.due_at),
    }
