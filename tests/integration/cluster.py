"""Workers as processes of their own, on real servers, spoken to over HTTP."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp

from app.chaos.cluster import Cluster, Worker

__all__ = ["Cluster", "Worker", "final", "get", "post", "until"]


async def post(worker: Worker, text: str, reference: str | None = "An answer", **more: Any) -> str:
    """Ask a question over HTTP and return its id."""
    body = {"question_text": text, "original_answer": reference, **more}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{worker.url}/query", json=body) as response,
    ):
        answer = await response.json()
        assert response.status in {200, 202}, answer
        return str(answer["question_id"])


async def get(worker: Worker, path: str) -> Any:
    """Return the JSON at a path."""
    async with aiohttp.ClientSession() as session, session.get(worker.url + path) as response:
        return await response.json()


async def final(worker: Worker, question_id: str, seconds: float = 30.0) -> dict[str, Any]:
    """Return the question once it is final."""

    async def found() -> dict[str, Any] | None:
        row = await get(worker, f"/questions/{question_id}")
        done = row.get("status") in {"validated", "low_quality", "unscored", "dead"}
        return row if done else None

    row: dict[str, Any] = await until(found, seconds)
    return row


async def until(check: Callable[[], Awaitable[Any]], seconds: float) -> Any:
    """Return the first true value of `check`."""
    end = time.monotonic() + seconds
    while True:
        value = await check()
        if value:
            return value
        assert time.monotonic() < end, f"not within {seconds} s"
        await asyncio.sleep(0.1)
