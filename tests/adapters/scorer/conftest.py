"""A score server with faults, and a scorer on it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from app.adapters.scorer.http import HttpScorer
from app.ports import Scorer
from tests.adapters.scorer.faulty_server import FaultyServer


@pytest.fixture
async def server() -> AsyncIterator[FaultyServer]:
    server = FaultyServer()
    app = web.Application(client_max_size=64 * 1024)
    app.router.add_post("/score", server.score)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield server
    await runner.cleanup()


@pytest.fixture
async def scorer(server: FaultyServer) -> AsyncIterator[Scorer]:
    scorer = HttpScorer(server.url, "canary-token", 10.0)
    yield scorer
    await scorer.close()
