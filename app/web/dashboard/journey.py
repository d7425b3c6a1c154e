"""One question's way through the topics, read when somebody asks for it."""

from __future__ import annotations

from aiohttp import web

from agents.context import Context
from app.errors import NotFoundError, UnavailableError
from app.inspection.journey import Journey, trace
from app.web.dashboard.looking import Looking
from app.web.replies import json_reply

#: Long topics take a while; what takes longer is for the command line, which tells how far it is.
JOURNEY_SECONDS = 15.0


def add_routes(app: web.Application, context: Context, looking: Looking) -> None:
    async def journey(request: web.Request) -> web.Response:
        question_id = request.match_info["id"]
        found = await _trace(context, looking, question_id)
        if not found.known:
            raise NotFoundError(f"no question has the id {question_id[:80]}")
        shown = found.as_json()
        return json_reply({name: shown[name] for name in ("status", "hops", "searched", "missing")})

    app.router.add_get("/ui/api/questions/{id}/journey", journey)


async def _trace(context: Context, looking: Looking, question_id: str) -> Journey:
    """Return what both sides know, or the database alone when the topics can't be read in time."""
    store, settings = context.ports.store, looking.settings
    try:
        async with looking.reader(JOURNEY_SECONDS) as reader:
            return await trace(settings, question_id, reader, store)
    except UnavailableError as error:
        return await trace(settings, question_id, error, store)
