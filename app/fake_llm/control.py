"""Steering a running fake model server over HTTP: `/_fake/...`; errors are JSON with the field."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from aiohttp import web

from app.errors import InputError
from app.fake_llm.calls import call_document
from app.fake_llm.script import read_script, read_step
from app.fake_llm.server import FakeModelServer

Handler = Callable[[web.Request], Awaitable[dict[str, Any]]]


def control_routes(server: FakeModelServer) -> list[web.RouteDef]:
    """Return the routes that steer `server`."""

    async def calls(request: web.Request) -> dict[str, Any]:
        found, following = server.log.since(_position(request))
        return {"calls": [call_document(call) for call in found], "next": following}

    async def stats(_: web.Request) -> dict[str, Any]:
        return statistics(server)

    async def script(request: web.Request) -> dict[str, Any]:
        found = read_script(await request.read())
        server.run_script(found)
        return {"phases": len(found.phases), "questions": len(found.questions)}

    async def default(request: web.Request) -> dict[str, Any]:
        server.default = read_step(await request.read())
        return {"default": server.default is not None}

    async def reset(_: web.Request) -> dict[str, Any]:
        server.reset()
        return {}

    return [
        web.get("/_fake/calls", _json(calls)),
        web.get("/_fake/stats", _json(stats)),
        web.put("/_fake/script", _json(script)),
        web.put("/_fake/default", _json(default)),
        web.post("/_fake/reset", _json(reset)),
    ]


def statistics(server: FakeModelServer) -> dict[str, Any]:
    """Return the figures of a server as JSON shows them."""
    second = server.script_seconds
    return {
        **server.log.tally.document(),
        "waiting": server.waiting,
        "uptime_seconds": round(time.time() - server.started_at, 3),
        "script_seconds": round(second, 3),
        "phases": [phase.name for phase in server.phases.at(second)],
        "port": server.phases.port_at(second) or "open",
    }


def _position(request: web.Request) -> int:
    text = request.query.get("since", "0")
    if not text.isascii() or not text.isdigit():
        raise InputError(f"since: {text[:40]!r} is no number of calls", field="since")
    return int(text[:18])


def _json(handler: Handler) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answered(request: web.Request) -> web.Response:
        try:
            document, status = await handler(request), 200
        except InputError as error:
            said = {"code": "invalid", "message": str(error), "field": error.field}
            document, status = {"error": said}, 422
        body = orjson.dumps(document)
        return web.Response(body=body, status=status, content_type="application/json")

    return answered
