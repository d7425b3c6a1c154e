"""`POST /query`: a question onto the log, or its stored answer."""

from __future__ import annotations

import math

from aiohttp import web

from agents.context import Context
from app.core.flood import Door
from app.core.lifecycle import Status
from app.core.questions import StoredQuestion
from app.errors import InputError, StoreUnavailable
from app.intake import Intake, NewQuestion
from app.settings import Settings
from app.tracing import carrier_of
from app.web import question_batches
from app.web.backlog import Backlog
from app.web.bodies import (
    MAX_KEY_CHARACTERS,
    QueryBody,
    WaitSeconds,
    check_metadata,
    read_body,
    read_parameter,
)
from app.web.questions import cached, json_of
from app.web.replies import error_response, json_reply


def add_routes(app: web.Application, context: Context, settings: Settings) -> None:
    intake = Intake(context, settings.deadline_seconds)
    backlog = Backlog(context, settings.backlog_limit)

    async def flooded(new: NewQuestion, key: str | None, *, fresh: bool) -> float:
        """Return for how long a question can't come in; what is known needs no room."""
        if not context.flood.open:
            return 0.0
        if not fresh:
            known = await _stored(context, intake.identify(new, idempotency_key=key))
            if known is not None and known.status is not Status.DEAD:
                return 0.0
        return context.flood.wait(Door.INTAKE, context.now())

    async def query(request: web.Request) -> web.Response:
        wait = read_parameter(request, "wait", WaitSeconds, 0.0)
        key = _idempotency_key(request)
        body = await read_body(request, QueryBody)
        check_metadata(body.metadata)
        new = NewQuestion(body.question_text, body.original_answer, body.metadata)
        if not body.fresh and key is None and (hit := await cached(context, intake.identify(new))):
            return json_of(hit)
        if seconds := await flooded(new, key, fresh=body.fresh):
            return error_response(
                503, "flooded", context.flood.reason or "", Retry_After=f"{math.ceil(seconds)}"
            )
        if await backlog.full():
            return error_response(
                503,
                "backlog_full",
                f"{settings.backlog_limit} questions are in progress",
                Retry_After=str(backlog.retry_after()),
            )
        try:
            taken = await intake.take(
                new,
                idempotency_key=key,
                fresh=body.fresh,
                will_wait=bool(wait),
                trace=carrier_of(request.headers),
            )
        finally:
            backlog.stored()
        stored = taken.stored
        if not taken.answered and wait:
            stored = await intake.wait(taken, wait)
            taken.forget()
        if stored is not None and stored.status.final:
            return json_reply(stored.as_json())
        status = str(stored.status) if wait and stored is not None else "accepted"
        return json_reply(
            {"question_id": taken.question_id, "status": status},
            status=202,
            headers={"Location": f"/questions/{taken.question_id}"},
        )

    app.router.add_post("/query", query)
    question_batches.add_routes(app, context, settings, intake, backlog)


async def _stored(context: Context, question_id: str) -> StoredQuestion | None:
    try:
        return await context.ports.store.question(question_id)
    except StoreUnavailable:
        context.metrics.count("db_errors")
        return None


def _idempotency_key(request: web.Request) -> str | None:
    keys = request.headers.getall("Idempotency-Key", [])
    if not keys:
        return None
    key = keys[0]
    if len(keys) > 1 or not 0 < len(key) <= MAX_KEY_CHARACTERS or not key.isprintable():
        raise InputError(
            f"one key of 1 to {MAX_KEY_CHARACTERS} printable characters", field="Idempotency-Key"
        )
    return key
