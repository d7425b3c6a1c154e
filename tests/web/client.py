"""The HTTP API in the test's own loop: the real routes over a running memory pipeline."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp.test_utils import TestClient, TestServer

from agents.context import Limits
from app.factory import create_ratings_app
from app.ports import Ports
from app.settings import load_settings
from app.web.server import make_web_app
from tests.flow.engine import LIMITS, Engine, make_ports, running
from tests.flow.ratings_stage import rating_ports


class Api:
    """A client of one engine's API. Every answer is (status, JSON)."""

    def __init__(self, client: Any, engine: Engine) -> None:
        self.client = client
        self.engine = engine

    async def call(self, method: str, path: str, **options: Any) -> tuple[int, Any]:
        async with self.client.request(method, path, **options) as response:
            return response.status, await response.json()

    async def get(self, path: str, **options: Any) -> tuple[int, Any]:
        return await self.call("GET", path, **options)

    async def query(self, body: Any, *, key: str | None = None, wait: Any = None) -> Any:
        """POST /query with a JSON body."""
        headers = {} if key is None else {"Idempotency-Key": key}
        params = {} if wait is None else {"wait": str(wait)}
        return await self.call("POST", "/query", json=body, headers=headers, params=params)

    async def raw(self, data: bytes, path: str = "/query") -> tuple[int, Any]:
        """POST bytes."""
        return await self.call("POST", path, data=data)


@asynccontextmanager
async def serving(
    ports: Ports | None = None, *, limits: Limits = LIMITS, ratings: bool = False, **settings: Any
) -> AsyncIterator[Api]:
    """Run a pipeline and its API; `ratings` as in `client_of`."""
    async with (
        running(ports or make_ports(), limits=limits) as engine,
        client_of(engine, ratings=ratings, **settings) as client,
    ):
        yield Api(client, engine)


@asynccontextmanager
async def client_of(
    engine: Engine, *, ratings: bool = False, **settings: Any
) -> AsyncIterator[Any]:
    """Serve the API of an engine and return an aiohttp client of it.

    With `ratings` the routes of the ratings pipeline are there too, though it does not run.
    """
    found = load_settings(**settings)
    more = create_ratings_app(found, rating_ports()).context if ratings else None
    app = make_web_app(engine.context, found, more)
    async with TestClient(TestServer(app)) as client:
        yield client
