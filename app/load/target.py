"""The service under load, over HTTP."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import NamedTuple

import aiohttp
import msgspec
from yarl import URL

from app.core.lifecycle import Status
from app.errors import UnavailableError
from app.load.outcome import Kind, Outcome
from app.load.questions import Request

#: Statuses by which the service protects itself, when it says when to come back.
_REFUSALS = (429, 503)
_CODE = re.compile(r"[a-z_]{1,40}")
_STATES = frozenset(str(status) for status in Status if status.final)
#: What asks for states, and whether the service is there, has its own time-out.
_READ_TIMEOUT = aiohttp.ClientTimeout(total=15, sock_connect=3)


class _Error(msgspec.Struct):
    code: str = ""


class _Reply(msgspec.Struct):
    question_id: str | None = None
    status: str | None = None
    accepted: int | None = None
    error: _Error | None = None


class Row(msgspec.Struct):
    """What `GET /questions` tells of a question, as far as it matters here."""

    question_id: str
    status: str
    accepted_at: datetime
    finished_at: datetime | None = None


class Page(msgspec.Struct):
    questions: list[Row]
    cursor: str | None = None


_REPLY, _PAGE = msgspec.json.Decoder(_Reply), msgspec.json.Decoder(Page)


class Ready(NamedTuple):
    """What a service said before the run: 0 is no answer."""

    url: str
    status: int
    detail: str


class HttpTarget:
    """Posts requests to the addresses in turn; never tries one again."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        urls: Sequence[str],
        path: str,
        headers: dict[str, str],
    ) -> None:
        self._session = session
        self._posts = [URL(url.rstrip("/") + path) for url in urls]
        self._urls = [url.rstrip("/") for url in urls]
        self._headers = headers
        self._reads = 0

    async def send(self, n: int, request: Request) -> Outcome:
        url = self._posts[n % len(self._posts)]
        try:
            async with self._session.post(
                url, data=request.body, headers=self._headers, allow_redirects=False
            ) as response:
                return _outcome(response, await response.read())
        except TimeoutError:
            return Outcome(Kind.UNANSWERED, "timeout")
        except aiohttp.ClientConnectorError:
            return Outcome(Kind.ERROR, "no connection")
        except (aiohttp.ClientError, OSError, ValueError):
            return Outcome(Kind.ERROR, "connection broke")

    async def page(self, limit: int, cursor: str | None) -> Page:
        """Return questions, the newest first. Raises UnavailableError; the next call asks the
        next address then."""
        url = self._urls[self._reads % len(self._urls)]
        parameters = {"limit": str(limit), **({"cursor": cursor} if cursor else {})}
        try:
            async with self._session.get(
                f"{url}/questions", params=parameters, timeout=_READ_TIMEOUT, allow_redirects=False
            ) as response:
                found = await response.read()
            if response.status == 200:
                return _PAGE.decode(found)
            reason = f"status {response.status}"
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            reason = type(error).__name__
        self._reads += 1
        raise UnavailableError(f"{url}/questions can't be read: {reason}")

    async def ready(self) -> list[Ready]:
        """Ask each address whether it takes work."""
        return await asyncio.gather(*(self._ready(url) for url in self._urls))

    async def _ready(self, url: str) -> Ready:
        try:
            async with self._session.get(
                f"{url}/readyz", timeout=_READ_TIMEOUT, allow_redirects=False
            ) as response:
                await response.read()
                return Ready(url, response.status, response.reason or "")
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            return Ready(url, 0, str(error) or "no answer in time")


@asynccontextmanager
async def http_target(
    urls: Sequence[str], path: str, *, token: str | None, timeout_seconds: float
) -> AsyncIterator[HttpTarget]:
    """Give a target; `token` is sent with what is posted."""
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    connector = aiohttp.TCPConnector(limit=0)  # the generator has the bound
    timeout = aiohttp.ClientTimeout(total=timeout_seconds)
    async with aiohttp.ClientSession(
        connector=connector, timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()
    ) as session:
        yield HttpTarget(session, urls, path, headers)


def _outcome(response: aiohttp.ClientResponse, body: bytes) -> Outcome:
    try:
        reply = _REPLY.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Outcome(Kind.ERROR, f"{response.status} not answerloop's")
    if response.status == 200 and reply.question_id and reply.status in _STATES:
        return Outcome(Kind.ACCEPTED, "200", reply.question_id, reply.status)
    if response.status == 202 and (reply.question_id or reply.accepted):
        return Outcome(Kind.ACCEPTED, "202", reply.question_id)
    code = reply.error.code if reply.error else ""
    detail = f"{response.status} {code if _CODE.fullmatch(code) else ''}".strip()
    after = _seconds(response.headers.get("Retry-After"))
    if response.status in _REFUSALS and after is not None:
        return Outcome(Kind.REFUSED, detail, retry_after=after)
    return Outcome(Kind.ERROR, detail)


def _seconds(header: str | None) -> float | None:
    """Return a Retry-After in seconds; the form with a date is not this service's."""
    return float(header) if header and header.isascii() and header.isdigit() else None
