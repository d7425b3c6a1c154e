"""A service over real HTTP that answers as a test says."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from aiohttp import web

from app.core.questions import timestamp

#: Id -> when it was accepted (Unix seconds); headers of each request.
ASKED = web.AppKey("asked", dict[str, float])
HEADERS = web.AppKey("headers", list[Any])
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def accept(request: web.Request) -> web.StreamResponse:
    """Accept a question under its own number; a rating for itself."""
    body = await request.json()
    if "metadata" not in body:
        return web.json_response({"accepted": len(body.get("ratings", [1]))}, status=202)
    name = str(body["metadata"]["number"])
    request.app[ASKED].setdefault(name, time.time())
    return web.json_response({"question_id": name, "status": "accepted"}, status=202)


async def _ready(_: web.Request) -> web.StreamResponse:
    return web.json_response({"status": "ready"})


async def _questions(request: web.Request) -> web.StreamResponse:
    """List the questions: each is validated as soon as it is accepted."""
    limit, first = int(request.query["limit"]), int(request.query.get("cursor", 0))
    newest = sorted(request.app[ASKED].items(), key=lambda each: -each[1])
    rows = [
        {
            "question_id": name,
            "status": "validated",
            "accepted_at": timestamp(at),
            "finished_at": timestamp(at),
        }
        for name, at in newest[first : first + limit]
    ]
    cursor = str(first + limit) if first + limit < len(newest) else None
    return web.json_response({"questions": rows, "cursor": cursor})


def make_app(answer: Answer = accept, ready: Answer = _ready) -> web.Application:
    app = web.Application()
    app[ASKED] = {}
    app[HEADERS] = []

    async def post(request: web.Request) -> web.StreamResponse:
        app[HEADERS].append(request.headers)
        return await answer(request)

    app.router.add_post("/query", post)
    app.router.add_post("/ratings", post)
    app.router.add_get("/readyz", ready)
    app.router.add_get("/questions", _questions)
    return app


@asynccontextmanager
async def served(app: web.Application) -> AsyncIterator[str]:
    """Serve in the running loop, and give the address."""
    runner = web.AppRunner(app, shutdown_timeout=1.0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server: Any = site._server
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        await runner.cleanup()


@contextmanager
def served_beside(app: web.Application) -> Iterator[str]:
    """Serve in a thread of its own, for a command that has its own loop."""
    loop = asyncio.new_event_loop()
    known, stop = threading.Event(), asyncio.Event()
    urls: list[str] = []

    async def serve() -> None:
        async with served(app) as url:
            urls.append(url)
            known.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    try:
        assert known.wait(30)
        yield urls[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(30)
        loop.close()
