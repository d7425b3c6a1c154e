"""The routes of a real Ollama and a real OpenAI-compatible server."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from aiohttp import web

from app.fake_llm.protocols import model_list

if TYPE_CHECKING:
    from app.fake_llm.server import FakeModelServer

BODY_LIMIT = 16 * 1024 * 1024


async def set_up(routes: Iterable[web.RouteDef]) -> web.AppRunner:
    """Return a runner that serves `routes`; a caller that goes cancels its handler."""
    app = web.Application(client_max_size=BODY_LIMIT)
    app.add_routes(routes)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    return runner


def protocol_routes(server: FakeModelServer, protocols: Iterable[str]) -> list[web.RouteDef]:
    """Return the routes of the protocols."""

    async def ollama_chat(request: web.Request) -> web.StreamResponse:
        return await server.serving.chat(request, "ollama")

    async def openai_chat(request: web.Request) -> web.StreamResponse:
        return await server.serving.chat(request, "openai")

    async def tags(_: web.Request) -> web.Response:
        return web.json_response(model_list("ollama", server.models))

    async def models(_: web.Request) -> web.Response:
        return web.json_response(model_list("openai", server.models))

    async def version(_: web.Request) -> web.Response:
        return web.json_response({"version": "0.17.4"})

    async def show(request: web.Request) -> web.Response:
        name = (await request.json()).get("model")
        if name not in server.models:
            return web.json_response({"error": f"model '{name}' not found"}, status=404)
        return web.json_response({"details": {"format": "gguf"}, "model_info": {}})

    routes = {
        "ollama": [
            web.post("/api/chat", ollama_chat),
            web.get("/api/tags", tags),
            web.post("/api/show", show),
            web.get("/api/version", version),
        ],
        "openai": [
            web.post("/v1/chat/completions", openai_chat),
            web.get("/v1/models", models),
        ],
    }
    return [route for protocol in protocols for route in routes[protocol]]
