"""One HTTP exchange with a model server: bounded in size and time, redirects off, its facts kept.

The `ollama` and `openai` packages speak their protocols over httpx. Both get this transport, which
sends by aiohttp, reads a reply of at most 2 MiB (as sent, and as unpacked) and keeps in `Exchange`
what their exceptions leave out: the status, Retry-After, and what broke on the wire.
"""

from __future__ import annotations

import json
import zlib
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import aiohttp
import httpx
import msgspec

#: Longest reply that is read, in bytes.
BODY_LIMIT = 2 * 1024 * 1024
#: Longest wait for a connection, in seconds (the whole call has its own limit).
CONNECT_SECONDS = 10.0

_SENT_HEADERS = ("accept", "content-type", "user-agent")
_UNPACKED = ("", "identity")
_DEFLATED = ("gzip", "x-gzip", "deflate")


@dataclass(slots=True)
class Exchange:
    """What happened on the wire during one call. `broken` is a cause's name, when there is one."""

    status: int | None = None
    retry_after: str | None = None
    body: bytes = b""
    broken: str | None = None
    detail: str = ""


#: The exchange of the call that is being made; set by `answer_once`, filled by the transport.
current_exchange: ContextVar[Exchange] = ContextVar("current_exchange")


class WireError(httpx.TransportError):
    """The exchange broke; `Exchange.broken` says how."""


class BoundedTransport(httpx.AsyncBaseTransport):
    """Sends httpx requests by aiohttp, each within `timeout_seconds`.

    Only the headers of the protocol are sent, and `authorization` only as given here: the packages
    would add keys and account names that they find in the environment.
    """

    def __init__(self, timeout_seconds: float, authorization: str | None = None) -> None:
        self._timeout = aiohttp.ClientTimeout(
            total=timeout_seconds, sock_connect=min(timeout_seconds, CONNECT_SECONDS)
        )
        self._authorization = authorization
        self._session: aiohttp.ClientSession | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request. Raises WireError, with the cause in the current Exchange."""
        exchange = current_exchange.get(None) or Exchange()
        try:
            return await self._send(request, exchange)
        except TimeoutError as error:
            exchange.broken = "timeout"
            exchange.detail = str(error) or "no answer in time"
        except aiohttp.ClientConnectorError as error:
            exchange.broken, exchange.detail = "refused", str(error)
        except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, OSError) as error:
            exchange.broken, exchange.detail = "connection_lost", str(error) or repr(error)
        except (aiohttp.ClientError, ValueError, zlib.error) as error:
            exchange.broken, exchange.detail = "malformed_reply", str(error) or repr(error)
        raise WireError(exchange.detail, request=request) from None

    async def _send(self, request: httpx.Request, exchange: Exchange) -> httpx.Response:
        headers = {name: request.headers[name] for name in _SENT_HEADERS if name in request.headers}
        headers["accept-encoding"] = "identity"
        if self._authorization:
            headers["authorization"] = self._authorization
        async with self._open_session().request(
            request.method,
            str(request.url),
            data=request.content or None,
            headers=headers,
            allow_redirects=False,
        ) as response:
            exchange.status = response.status
            exchange.retry_after = response.headers.get("retry-after")
            body = _unpacked(
                await _bounded_body(response, exchange, request),
                response.headers.get("content-encoding", "").strip().lower(),
                exchange,
                request,
            )
        exchange.body = body = _without_lone_surrogates(body)
        kept = {"content-type": response.headers.get("content-type", "application/json")}
        return httpx.Response(response.status, headers=kept, content=body, request=request)

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0),
                timeout=self._timeout,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
            )
        return self._session

    async def aclose(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()


class StraightClient(httpx.AsyncClient):
    """Gives a request with a JSON body to its transport at once.

    What httpx does around that (it merges URLs, cookies and headers, looks for redirects and
    authentication, times each part) costs more than the exchange, and changes nothing here.
    """

    def __init__(self, *, transport: BoundedTransport, **options: Any) -> None:
        super().__init__(transport=transport, **options)
        self._straight = transport
        self._urls: dict[str, httpx.URL] = {}

    async def request(
        self, method: str, url: Any, *, json: Any = None, **options: Any
    ) -> httpx.Response:
        """Send a request, and return its whole reply. Raises WireError."""
        if json is None or options:
            return await super().request(method, url, json=json, **options)
        if url not in self._urls:
            self._urls[url] = self.build_request(method, url).url
        request = httpx.Request(
            method, self._urls[url], headers=self.headers, content=msgspec.json.encode(json)
        )
        return await self._straight.handle_async_request(request)


def _too_large(exchange: Exchange, request: httpx.Request) -> WireError:
    exchange.broken, exchange.detail = "reply_too_large", f"more than {BODY_LIMIT} bytes"
    return WireError(exchange.detail, request=request)


async def _bounded_body(
    response: aiohttp.ClientResponse, exchange: Exchange, request: httpx.Request
) -> bytes:
    if response.content_length is not None and response.content_length > BODY_LIMIT:
        response.close()
        raise _too_large(exchange, request)
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.content.iter_any():
        size += len(chunk)
        if size > BODY_LIMIT:
            response.close()
            raise _too_large(exchange, request)
        chunks.append(chunk)
    return b"".join(chunks)


def _unpacked(body: bytes, encoding: str, exchange: Exchange, request: httpx.Request) -> bytes:
    """Unpack a body that came compressed although `identity` was asked for."""
    if encoding in _UNPACKED:
        return body
    if encoding not in _DEFLATED:
        raise ValueError(f"the reply is packed as {encoding[:40]!r}, which was not asked for")
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
    text = unpacker.decompress(body, BODY_LIMIT + 1)
    if len(text) > BODY_LIMIT:
        raise _too_large(exchange, request)
    if not unpacker.eof:
        raise ValueError("the packed reply ends early")
    return text


def _without_lone_surrogates(body: bytes) -> bytes:
    r"""Return a JSON body whose lone `\udXXX` escapes are U+FFFD (pydantic refuses such text)."""
    if b"\\ud" not in body and b"\\uD" not in body:
        return body
    try:
        text = json.dumps(json.loads(body), ensure_ascii=False)
    except (ValueError, RecursionError):
        return body
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()
