"""`GET /costs` and `GET /questions/{id}/costs`: calls, tokens and seconds, by model."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from aiohttp import web

from agents.context import Context
from app.core.costs import costs_json
from app.errors import NotFoundError
from app.web.replies import json_reply

#: All calls are added up at most this often: it reads the whole ledger.
KEPT_SECONDS = 10.0


class AllCosts:
    """The costs of all questions; requests that come together, or soon, share one reading."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._reading = asyncio.Lock()
        self._read_at = float("-inf")
        self._kept: dict[str, Any] = {}

    async def read(self) -> dict[str, Any]:
        async with self._reading:
            if time.monotonic() - self._read_at >= KEPT_SECONDS:
                self._kept = costs_json(await self._context.ports.store.costs())
                self._read_at = time.monotonic()
            return self._kept


def add_routes(app: web.Application, context: Context) -> None:
    everything = AllCosts(context)

    async def all_costs(_: web.Request) -> web.Response:
        return json_reply(await everything.read())

    async def one(request: web.Request) -> web.Response:
        question_id = request.match_info["id"]
        store = context.ports.store
        if not await store.statuses([question_id]):
            raise NotFoundError(f"no question has the id {question_id[:80]}")
        found = costs_json(await store.costs([question_id]))
        return json_reply({"question_id": question_id, **found})

    app.router.add_get("/costs", all_costs)
    app.router.add_get("/questions/{id}/costs", one)
