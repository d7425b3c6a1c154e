"""A worker of one pipeline: what it serves, and what it says of the routes of the other."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from aiohttp.test_utils import TestClient, TestServer

from app.factory import create_ratings_app
from app.settings import load_settings
from app.transports import close_storage
from app.web.openapi import served_routes
from app.web.server import make_web_app
from tests.docs import facts
from tests.flow.ratings_stage import quick_settings, rating_ports
from tests.web.client import serving

SETTINGS = load_settings()
QUESTION_ROUTES = set(served_routes(make_web_app(facts.pipeline().context, SETTINGS))) - set(
    served_routes(
        make_web_app(None, SETTINGS, create_ratings_app(SETTINGS, rating_ports()).context)
    )
)


@asynccontextmanager
async def ratings_only(folder: Path) -> AsyncIterator[Any]:
    """Serve a running ratings pipeline alone."""
    broker = f"memory://{uuid4().hex}"
    settings = quick_settings(folder, broker=broker)
    app = create_ratings_app(settings, rating_ports())
    await app.start()
    try:
        async with TestClient(TestServer(make_web_app(None, settings, app.context))) as client:
            yield client
    finally:
        await app.stop()
        close_storage(broker)


def test_there_are_routes_that_only_the_questions_have() -> None:
    assert {"POST /query", "POST /score", "GET /dead-letters"} <= QUESTION_ROUTES
    assert not {"GET /health", "GET /metrics", "GET /openapi.json"} & QUESTION_ROUTES


async def test_every_route_of_the_questions_is_404_with_a_hint_in_a_worker_of_ratings(
    tmp_path: Path,
) -> None:
    async with ratings_only(tmp_path) as client:
        for route in sorted(QUESTION_ROUTES):
            method, path = route.split()
            async with client.request(method, path.replace("{id}", "x")) as response:
                error = (await response.json())["error"]
            assert (response.status, error["code"]) == (404, "not_in_this_worker"), route
            assert "ANSWERLOOP_PIPELINES names questions" in error["message"]
        async with client.get("/nothing") as response:
            assert (await response.json())["error"]["code"] == "not_found"


async def test_a_worker_of_ratings_tells_its_health_and_figures(tmp_path: Path) -> None:
    async with ratings_only(tmp_path) as client:
        async with client.get("/health") as response:
            health = await response.json()
        assert (response.status, health["status"]) == (200, "healthy")
        assert list(health["dependencies"]) == ["broker", "database"]
        async with client.get("/readyz") as response:
            assert (response.status, await response.json()) == (200, {"status": "ready"})
        async with client.get("/metrics") as response:
            assert (await response.json())["db_errors"] == 0
        async with client.get("/openapi.json") as response:
            assert "/health" in (await response.json())["paths"]


@pytest.mark.parametrize("path", ["/ratings/stats", "/ratings/movies/1", "/recommendations/1"])
async def test_the_routes_of_the_ratings_are_404_with_a_hint_in_a_worker_of_questions(
    path: str,
) -> None:
    async with serving() as api:
        status, body = await api.get(path)
        assert (status, body["error"]["code"]) == (404, "not_in_this_worker")
        assert "ANSWERLOOP_PIPELINES names ratings" in body["error"]["message"]
