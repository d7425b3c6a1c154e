"""The way to the dead letters: through the engine that runs, else straight to database and log."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import aiohttp

from app.core.redrive import LetterFilter
from app.data_dir.engine_file import running_engine
from app.errors import AnswerloopError, InputError, NotFoundError, UnavailableError
from app.letters.desk import Desk, LocalDesk, Order, WantedPage
from app.letters.plans import Mended, Rules
from app.letters.sender import LetterSender, Message, own_sender, own_tracing
from app.letters.shown import filter_row
from app.settings import Settings
from app.tracing import NO_TRACING

_TIMEOUT = aiohttp.ClientTimeout(total=120, sock_connect=5)
_GOOD = 300


class HttpDesk:
    """Asks an engine by its HTTP API."""

    def __init__(self, session: aiohttp.ClientSession, settings: Settings) -> None:
        self._session = session
        token = settings.api_token
        self._headers = (
            {} if token is None else {"Authorization": f"Bearer {token.get_secret_value()}"}
        )

    async def page(self, wanted: WantedPage) -> dict[str, Any]:
        parts = filter_row(wanted.filter)
        if "cause" in parts:
            parts["cause"] = ",".join(parts["cause"])
        for name in ("since", "until"):
            if name in parts:
                parts[name] = f"{parts[name]:.6f}"
        parts |= {
            "limit": wanted.limit,
            "order": "newest" if wanted.newest_first else "oldest",
            "bytes": str(wanted.with_bytes).lower(),
            "counts": str(wanted.with_counts).lower(),
        }
        if wanted.cursor is not None:
            parts["cursor"] = wanted.cursor
        return await self._ask("GET", "/dead-letters", params=parts)

    async def letter(self, origin: str) -> dict[str, Any]:
        return await self._ask("GET", f"/dead-letters/{origin}")

    async def plan(self, wanted: LetterFilter) -> dict[str, Any]:
        body = {"filter": filter_row(wanted)}
        return await self._ask("POST", "/dead-letters/redrive", json=body)

    async def redrive(self, order: Order) -> dict[str, Any]:
        record = {
            "dry_run": order.dry_run,
            "redrive_id": order.redrive_id,
            "by": order.by,
            "transform": order.transform,
            "planned": order.planned,
        }
        chosen: dict[str, Any]
        if order.filter is not None:
            chosen = {"filter": filter_row(order.filter), "limit": order.limit}
            if order.cursor is not None:
                chosen["cursor"] = order.cursor
        else:
            chosen = {"letters": [_letter(name, new) for name, new in order.letters.items()]}
        return await self._ask("POST", "/dead-letters/redrive", json=record | chosen)

    async def purge(self, wanted: LetterFilter, *, explicit: bool, dry_run: bool) -> dict[str, Any]:
        body = {"filter": filter_row(wanted) if explicit else {}, "dry_run": dry_run}
        return await self._ask("POST", "/dead-letters/purge", json=body)

    async def redrives(self, limit: int) -> list[dict[str, Any]]:
        found = await self._ask("GET", "/redrives", params={"limit": limit})
        return list(found["redrives"])

    async def resume(self) -> dict[str, Any]:
        """End a flood of this engine by an operator's word."""
        return await self._ask("POST", "/flood/resume")

    async def _ask(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        try:
            async with self._session.request(
                method, path, headers=self._headers, allow_redirects=False, **options
            ) as response:
                reply = await response.json()
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            reason = str(error) or "no answer in time"
            raise UnavailableError(
                f"the engine at {self._session._base_url} does not answer: {reason}"
            ) from error
        if response.status < _GOOD:
            return dict(reply)
        raise _refusal(response.status, reply["error"])


def _letter(origin: str, mended: Mended | None) -> dict[str, Any]:
    if mended is None:
        return {"origin": origin}
    row = {"origin": origin, "value": base64.b64encode(mended.value).decode()}
    if mended.key is not None:
        row["key"] = base64.b64encode(mended.key).decode()
    return row


def _refusal(status: int, error: dict[str, Any]) -> AnswerloopError:
    words = error["message"]
    match status:
        case 404:
            return NotFoundError(words)
        case 401 | 403:
            return InputError(f"the engine refused: {words} (ANSWERLOOP_API_TOKEN)")
        case 503:
            return UnavailableError(f"the engine can't do it now: {words}")
        case _:
            return InputError(f"the engine refused: {words}", field=error.get("field"))


class _NoSender:
    """For commands that only look."""

    async def send(self, messages: Sequence[Message]) -> list[str | None]:
        return [f"{len(messages)} letters can't be sent by a command that only looks"] * len(
            messages
        )


@asynccontextmanager
async def open_desk(settings: Settings, *, sends: bool = False) -> AsyncIterator[Desk]:
    """Give the desk of the running engine, else one of this process. Raises UnavailableError.

    `sends` opens the log for writing as well, when there is no engine.
    """
    url = running_engine(settings) if settings.one_engine else None
    if url is not None:
        async with http_desk(url, settings) as desk:
            yield desk
        return
    from app.adapters.clock import SystemClock
    from app.opening import Closer, open_store

    closers: list[Closer] = []
    try:
        store = await open_store(settings, closers)
        async with AsyncExitStack() as stack:
            sender: LetterSender = _NoSender()
            tracing = NO_TRACING
            if sends:
                tracing = await stack.enter_async_context(own_tracing(settings))
                sender = await stack.enter_async_context(own_sender(settings))
            rules = Rules.of(settings)
            yield LocalDesk(store, sender, rules, SystemClock().now, tracing)
    finally:
        for closer in reversed(closers):
            await closer()


@asynccontextmanager
async def http_desk(url: str, settings: Settings) -> AsyncIterator[HttpDesk]:
    """Give the desk of the engine at `url`."""
    async with aiohttp.ClientSession(url, timeout=_TIMEOUT) as session:
        yield HttpDesk(session, settings)
