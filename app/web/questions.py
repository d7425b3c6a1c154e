"""`POST /query`, `GET /questions/{id}`, `GET /questions`."""

from __future__ import annotations

import math

import msgspec
from aiohttp import web

from agents.context import Context
from app.core.flood import Door
from app.core.lifecycle import Status
from app.core.metadata import metadata_problem
from app.core.questions import StoredQuestion
from app.errors import CacheUnavailable, InputError, NotFoundError, StoreUnavailable
from app.intake import Intake, NewQuestion
from app.settings import Settings
from app.tracing import carrier_of
from app.web.backlog import Backlog
from app.web.bodies import (
    MAX_KEY_CHARACTERS,
    PageLimit,
    QueryBody,
    WaitSeconds,
    read_body,
    read_parameter,
)
from app.web.replies import error_response, json_reply

MAX_METADATA_BYTES = 32_768


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
        if problem := metadata_problem(body.metadata):
            raise InputError(f"metadata: {problem}", field="metadata")
        if len(msgspec.json.encode(body.metadata)) > MAX_METADATA_BYTES:
            raise InputError(f"metadata is over {MAX_METADATA_BYTES} bytes", field="metadata")
        new = NewQuestion(body.question_text, body.original_answer, body.metadata)
        if not body.fresh and key is None and (hit := await _cached(context, intake.identify(new))):
            return _json(hit)
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

    async def one(request: web.Request) -> web.Response:
        question_id = request.match_info["id"]
        try:
            stored = await context.ports.store.question(question_id)
        except StoreUnavailable:
            context.metrics.count("db_errors")
            if hit := await _cached(context, question_id):
                return _json(hit)
            raise
        if stored is None:
            raise NotFoundError(f"no question has the id {question_id[:80]}")
        return json_reply(stored.as_json())

    async def many(request: web.Request) -> web.Response:
        page = await context.ports.store.questions(
            status=read_parameter(request, "status", Status),
            limit=read_parameter(request, "limit", PageLimit, 50),
            cursor=request.query.get("cursor"),
        )
        return json_reply(
            {"questions": [_without_attempts(q) for q in page.questions], "cursor": page.cursor}
        )

    app.router.add_post("/query", query)
    app.router.add_get("/questions", many)
    app.router.add_get("/questions/{id}", one)


async def _stored(context: Context, question_id: str) -> StoredQuestion | None:
    try:
        return await context.ports.store.question(question_id)
    except StoreUnavailable:
        context.metrics.count("db_errors")
        return None


async def _cached(context: Context, question_id: str) -> bytes | None:
    try:
        hit = await context.ports.cache.get(question_id)
    except CacheUnavailable:
        context.metrics.count("cache_errors")
        return None
    context.metrics.count("cache_hits" if hit else "cache_misses")
    return hit


def _json(body: bytes) -> web.Response:
    return web.Response(body=body, content_type="application/json", charset="utf-8")


def _without_attempts(question: StoredQuestion) -> dict[str, object]:
    row = question.as_json()
    del row["attempts"]
    return row


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
