"""What every route has in common: errors, tokens, packed bodies, headers, the index."""

from __future__ import annotations

import asyncio
import gzip
from typing import Any

import pytest
from aiohttp.test_utils import TestServer

from app.settings import load_settings
from app.web.server import make_web_app
from tests.flow.engine import make_ports, running
from tests.web.client import serving

ASK = {"question_text": "Why?"}
TOKEN = "canary-token-1234"


async def test_the_index_lists_every_route() -> None:
    async with serving() as api:
        status, body = await api.get("/")
    assert (status, body["service"]) == (200, "answerloop")
    assert {"POST /query", "GET /questions/{id}", "POST /score", "GET /health"} <= set(
        body["routes"]
    )


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("GET", "/questions/a/b", 404, "not_found"),
        ("GET", "/query", 405, "method_not_allowed"),
        ("DELETE", "/questions/a", 405, "method_not_allowed"),
        ("PUT", "/score", 405, "method_not_allowed"),
    ],
)
async def test_unknown_routes_are_json_errors(
    method: str, path: str, status: int, code: str
) -> None:
    async with serving() as api, api.client.request(method, path) as response:
        body = await response.json()
        assert (response.status, body["error"]["code"]) == (status, code)
        assert ("Allow" in response.headers) == (status == 405)
        assert response.headers["X-Content-Type-Options"] == "nosniff"


async def test_a_defect_in_a_handler_is_a_500_without_details(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with serving() as api:

        async def broken(*_: Any) -> Any:
            raise KeyError("canary")

        monkeypatch.setattr(api.engine.ports.store, "question", broken)
        async with api.client.get("/questions/q1") as response:
            text = await response.text()
            assert response.status == 500
    assert "canary" not in text
    assert '"internal"' in text


async def test_while_the_worker_stops_what_a_request_misses_is_a_503(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with serving() as api:

        async def closed(*_: Any) -> Any:
            raise RuntimeError("the batcher is closed")

        monkeypatch.setattr(api.engine.ports.store, "question", closed)
        monkeypatch.setattr(api.engine.context, "stopping_since", 1.0)
        async with api.client.get("/questions/q1") as response:
            body = await response.json()
            assert (response.status, body["error"]["code"]) == (503, "stopping")
            assert response.headers["Retry-After"] == "1"
        monkeypatch.setattr(api.engine.context, "stopping_since", None)


async def test_a_body_that_can_not_be_unpacked_is_400_and_a_bomb_is_413() -> None:
    headers = {"Content-Encoding": "gzip", "Connection": "close"}
    async with serving() as api:
        post = {"method": "POST", "path": "/query", "headers": headers}
        status, _ = await api.call(**post, data=gzip.compress(b'{"question_text": "Why?"}'))
        assert status == 202
        status, body = await api.call(**post, data=b"this is not gzip")
        assert (status, set(body)) == (400, {"error"})
        status, body = await api.call(**post, data=gzip.compress(b" " * 10_000_000))
        assert (status, body["error"]["code"]) == (413, "too_large")


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer wrong",
        f"bearer {TOKEN}x",
        f"Basic {TOKEN}",
        TOKEN,
        f"Bearer {TOKEN[:-1]}",
        f"Bearer {TOKEN} ü",
    ],
)
async def test_writes_without_the_token_are_401_and_do_nothing(header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    async with serving(api_token=TOKEN) as api:
        for path in ("/query", "/score"):
            async with api.client.post(path, json=ASK, headers=headers) as response:
                text = await response.text()
                assert response.status == 401
                assert response.headers["WWW-Authenticate"] == "Bearer"
                assert TOKEN not in text
        assert api.engine.messages(api.engine.names.questions_pending) == []


async def test_with_the_token_writes_go_through_and_reads_need_none() -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with serving(api_token=TOKEN) as api:
        assert (await api.call("POST", "/query", json=ASK, headers=headers))[0] == 202
        for path in ("/", "/health", "/livez", "/readyz", "/metrics", "/questions"):
            assert (await api.get(path))[0] == 200


async def test_headers_that_are_no_text_are_refused_not_a_500() -> None:
    """Raw bytes, as no well-behaved client sends them."""
    async with running(make_ports()) as engine:
        settings = load_settings(api_token=TOKEN)
        async with TestServer(make_web_app(engine.context, settings)) as server:
            bad_token = b"Authorization: Bearer \xff\xfe"
            assert await _raw_post(server, bad_token) == 401
            good = f"Authorization: Bearer {TOKEN}".encode()
            assert await _raw_post(server, good, b"Idempotency-Key: k\xff\xfe") == 422
            assert await _raw_post(server, good, b"Idempotency-Key: k") == 202


async def _raw_post(server: TestServer, *headers: bytes) -> int:
    body = b'{"question_text": "Why?"}'
    lines = [b"POST /query HTTP/1.1", b"Host: x", b"Connection: close", *headers]
    lines += [b"Content-Length: %d" % len(body), b"", body]
    reader, writer = await asyncio.open_connection(server.host, server.port)
    writer.write(b"\r\n".join(lines))
    await writer.drain()
    answer = await reader.read()
    writer.close()
    return int(answer.split(b" ", 2)[1])
