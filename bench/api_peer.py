"""The plain web service of `bench.api`: python -m bench.api_peer MODEL_HOST:PORT

Reads DATA_DIR and HTTP_PORT as a worker does, so that it has the same kind of PostgreSQL.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable
from uuid import uuid4

import aiohttp
import asyncpg
from aiohttp import web

from app.loop import run
from app.opening import database_dsn
from app.settings import load_settings

_TABLE = "CREATE TABLE answers (id text PRIMARY KEY, question text, reference text, answer text)"
_INSERT = "INSERT INTO answers VALUES ($1, $2, $3, $4)"


async def serve(model: str) -> None:
    """Serve until SIGTERM."""
    settings = load_settings()
    closers: list[Callable[[], Awaitable[None]]] = []
    pool = await asyncpg.create_pool(await database_dsn(settings, closers), min_size=4, max_size=10)
    await pool.execute(_TABLE)
    session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))

    async def ask(text: str) -> str:
        body = {"model": "m", "stream": False, "messages": [{"role": "user", "content": text}]}
        async with session.post(f"http://{model}/api/chat", json=body) as response:
            return str((await response.json())["message"]["content"])

    async def query(request: web.Request) -> web.Response:
        body, key = await request.json(), uuid4().hex
        text, waits = body["question_text"], "wait" in request.query
        answer = await ask(text) if waits else None
        await pool.execute(_INSERT, key, text, body["original_answer"], answer)
        found = {"question_id": key, "answer": answer}
        return web.json_response(found, status=200 if waits else 202)

    async def ready(request: web.Request) -> web.Response:
        return web.json_response({"status": "ready"})

    app = web.Application()
    app.add_routes([web.post("/query", query), web.get("/readyz", ready)])
    runner, stop = web.AppRunner(app), asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await runner.setup()
    await web.TCPSite(runner, settings.http_host, settings.http_port).start()
    try:
        await stop.wait()
    finally:
        await runner.cleanup()
        await session.close()
        await pool.close()
        for close in reversed(closers):
            await close()


if __name__ == "__main__":
    run(serve(sys.argv[1]))
