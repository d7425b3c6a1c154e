"""Headers that every reply carries, also those to requests that are no HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, cast

import structlog
from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from app.web.connections import MAX_CONNECTIONS, TURNED_AWAY
from app.web.replies import error_response

#: Nothing is run, loaded, framed, cached or guessed. A page that needs more says so itself.
SAFE_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Server": "answerloop",
}


def add_safe_headers(response: web.StreamResponse) -> None:
    """Add what the response does not set itself."""
    for name, value in SAFE_HEADERS.items():
        response.headers.setdefault(name, value)


class SafeRunner(web.AppRunner):
    """An AppRunner whose answers to broken HTTP are JSON with safe headers, and a debug line."""

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        return _Server(
            made.request_handler,
            request_factory=made.request_factory,
            handler_cancellation=made.handler_cancellation,
            **made._kwargs,
        )


class _Server(web.Server):
    def __call__(self) -> RequestHandler:
        return _Handler(self, loop=self._loop, **self._kwargs)


class _Handler(RequestHandler):
    __slots__ = ()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Turn a connection away where there are too many."""
        super().connection_made(transport)
        manager = self._manager
        if manager is not None and len(manager.connections) > MAX_CONNECTIONS:
            cast("asyncio.Transport", transport).write(TURNED_AWAY)
            self.force_close()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 (aiohttp's own quotes the request)
    ) -> web.StreamResponse:
        """Answer a request that could not be read, or whose handling broke outside of ours."""
        log: Any = structlog.get_logger("answerloop")
        say: Callable[..., None] = log.error if status >= 500 else log.debug
        say("request_broken", status=status, error=type(exc).__name__)
        if request.writer.output_size > 0:
            raise ConnectionError("a reply has begun already")
        response = error_response(status, "bad_http", HTTPStatus(status).phrase)
        add_safe_headers(response)
        response.force_close()
        return response
