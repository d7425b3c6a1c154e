"""A score server that is broken as a test wants it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from app.adapters.scorer.memory import OverlapScorer
from app.fake_llm.faults import send_fault


@dataclass
class FaultyServer:
    """`POST /score` by token overlap. `fault` or `reply` break it; `requests` keeps what came."""

    url: str = ""
    status: int = 200
    reply: str | None = None
    fault: str | None = None
    refuse: str | None = None
    requests: list[dict[str, Any]] = field(default_factory=list)
    retry_after: str | None = None
    tokens: list[str | None] = field(default_factory=list)
    seconds: float = 0.0
    open: int = 0
    most_open: int = 0

    async def score(self, request: web.Request) -> web.StreamResponse:
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        await asyncio.sleep(self.seconds)
        self.open -= 1
        document = await request.json()
        self.requests.append(document)
        self.tokens.append(request.headers.get("Authorization"))
        if self.fault is not None:
            return await send_fault(request, self.fault)
        if self.reply is not None or self.status != 200:
            headers = {} if self.retry_after is None else {"Retry-After": self.retry_after}
            return web.Response(status=self.status, text=self.reply or "{}", headers=headers)
        pairs = [(pair["candidate"], pair["reference"]) for pair in document["pairs"]]
        if any(candidate == self.refuse for candidate, _ in pairs):
            return web.json_response({"error": {"code": "invalid"}}, status=422)
        scores = await OverlapScorer().score(pairs)
        rows = [{"precision": s.precision, "recall": s.recall, "f1": s.f1} for s in scores]
        return web.json_response({"scores": rows, "scorer": "overlap:0"})
