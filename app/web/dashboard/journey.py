"""One question's way through the topics, read when somebody asks for it."""

from __future__ import annotations

import asyncio

from aiohttp import web

from agents.context import Context
from app.errors import NotFoundError, UnavailableError
from app.inspection.journey import Journey, trace
from app.inspection.opening import reading
from app.settings import Settings
from app.web.replies import json_reply

#: Reading partitions of long topics takes time, which the pipeline has use for: one at a time.
JOURNEY_SECONDS = 15.0


def add_routes(app: web.Application, context: Context, settings: Settings) -> None:
    turn = asyncio.Lock()

    async def journey(request: web.Request) -> web.Response:
        question_id = request.match_info["id"]
        try:
            async with asyncio.timeout(JOURNEY_SECONDS), turn:
                found = await _trace(context, settings, question_id)
        except TimeoutError:
            raise UnavailableError(
                f"the topics were not read within {JOURNEY_SECONDS:.0f} s: "
                f"answerloop trace {question_id[:64]} takes its time"
            ) from None
        if not found.known:
            raise NotFoundError(f"no question has the id {question_id[:80]}")
        shown = found.as_json()
        return json_reply({name: shown[name] for name in ("status", "hops", "searched", "missing")})

    app.router.add_get("/ui/api/questions/{id}/journey", journey)


async def _trace(context: Context, settings: Settings, question_id: str) -> Journey:
    store = context.ports.store
    try:
        async with reading(settings) as reader:
            return await trace(settings, question_id, reader, store)
    except UnavailableError as error:
        return await trace(settings, question_id, error, store)
