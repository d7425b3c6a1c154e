"""`GET /asyncapi.json`: AsyncAPI 3.0 of the topics of this worker's PIPELINES."""

from __future__ import annotations

import asyncio

from aiohttp import web

from app.asyncapi import describe
from app.settings import Settings
from app.web.replies import json_reply


def add_routes(app: web.Application, settings: Settings) -> None:
    """Serve the description. It is made once, when it is asked for first: that takes a moment."""
    made: list[dict[str, object]] = []

    async def asyncapi(_: web.Request) -> web.Response:
        if not made:
            made.append(await asyncio.to_thread(describe, settings))
        return json_reply(made[0])

    app.router.add_get("/asyncapi.json", asyncapi)
