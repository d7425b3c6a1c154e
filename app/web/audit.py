"""The audit log: one line `action` for each request that changes something by a person's word."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any, Protocol

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

#: Routes that are actions; taking questions and ratings in is the service's daily work.
ACTIONS = {
    "/dead-letters/redrive": "redrive",
    "/dead-letters/purge": "purge",
    "/flood/resume": "resume",
    "/retries/release": "release",
}
_facts: ContextVar[dict[str, Any] | None] = ContextVar("answerloop_action", default=None)


class Logged(Protocol):
    """Where the lines go."""

    @property
    def log(self) -> Any: ...


def note(facts: dict[str, Any]) -> None:
    """Add to the line of the action that is being done: what it did, in numbers and names."""
    known = _facts.get()
    if known is not None:
        known.update(facts)


def audit(context: Logged) -> Any:
    """Log who did what, and what became of it: also what was refused."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        name = ACTIONS.get(request.path)
        if name is None or request.method != "POST":
            return await handler(request)
        facts: dict[str, Any] = {}
        _facts.set(facts)
        try:
            response = await handler(request)
        except Exception as error:
            context.log.warning("action", **_who(request, name), result=type(error).__name__)
            raise
        say = context.log.info if response.status < 400 else context.log.warning
        say("action", **facts | _who(request, name), result=response.status)
        return response

    return middleware


def _who(request: web.Request, name: str) -> dict[str, Any]:
    return {
        "action": name,
        "from_address": request.remote,
        "by_token": "Authorization" in request.headers,
        "by_page": "Sec-Fetch-Site" in request.headers,
    }
