"""`GET /questions/{id}`, `GET /questions`."""

from __future__ import annotations

from aiohttp import web

from agents.context import Context
from app.core.lifecycle import Status
from app.core.questions import StoredQuestion
from app.errors import CacheUnavailable, InputError, NotFoundError, StoreUnavailable
from app.web.bodies import IdList, PageLimit, read_parameter
from app.web.replies import json_reply


def add_routes(app: web.Application, context: Context) -> None:
    async def one(request: web.Request) -> web.Response:
        question_id = request.match_info["id"]
        try:
            stored = await context.ports.store.question(question_id)
        except StoreUnavailable:
            context.metrics.count("db_errors")
            if hit := await cached(context, question_id):
                return json_of(hit)
            raise
        if stored is None:
            raise NotFoundError(f"no question has the id {question_id[:80]}")
        return json_reply(stored.as_json())

    async def many(request: web.Request) -> web.Response:
        if "ids" in request.query:
            return await by_id(request)
        page = await context.ports.store.questions(
            status=read_parameter(request, "status", Status),
            limit=read_parameter(request, "limit", PageLimit, 50),
            cursor=request.query.get("cursor"),
        )
        return json_reply(
            {"questions": [_without_attempts(q) for q in page.questions], "cursor": page.cursor}
        )

    async def by_id(request: web.Request) -> web.Response:
        if others := sorted(set(request.query) - {"ids"}):
            raise InputError(f"{others[0]} can't be given with ids", field=others[0])
        ids = list(dict.fromkeys(read_parameter(request, "ids", IdList).split(",")))
        found = {q.question_id: q for q in await context.ports.store.questions_by_id(ids)}
        rows = [_without_attempts(found[each]) for each in ids if each in found]
        return json_reply({"questions": rows, "cursor": None})

    app.router.add_get("/questions", many)
    app.router.add_get("/questions/{id}", one)


async def cached(context: Context, question_id: str) -> bytes | None:
    """Return the answer of a question as the cache has it, in JSON."""
    try:
        hit = await context.ports.cache.get(question_id)
    except CacheUnavailable:
        context.metrics.count("cache_errors")
        return None
    context.metrics.count("cache_hits" if hit else "cache_misses")
    return hit


def json_of(body: bytes) -> web.Response:
    """Return the reply of JSON that is encoded already."""
    return web.Response(body=body, content_type="application/json", charset="utf-8")


def _without_attempts(question: StoredQuestion) -> dict[str, object]:
    row = question.as_json()
    del row["attempts"]
    return row
