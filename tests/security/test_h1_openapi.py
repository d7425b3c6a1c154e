"""H1: schemathesis with every check on a real engine; then requests that it can't make."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from app.fake_llm.steps import Step
from app.settings import load_settings
from app.topics import all_topics
from app.web.openapi_operations import OPERATIONS
from app.web.safe_headers import SAFE_HEADERS
from tests.security.service import TOKEN, Service, service

HERE = Path(__file__).parent
#: A question that never ends: its server has no room for it.
WAITING = "How far is the star?"
SCHEMATHESIS = Path(sys.executable).with_name("st")


async def _what_is_there(target: Service) -> dict[str, Any]:
    """Put something on topics and in tables, so that views have something to show; tell what."""
    asked = {
        "¿Cuál es la capital de Chile?": [],
        "Who holds the key?": [Step(status=401)],
        "¿Quién lo sabe?": [Step(status=401)],
        WAITING: [Step(status=429)] * 99,
    }
    ids = []
    for text, steps in asked.items():
        target.model.script[text] = list(steps)
        wait = 0 if text == WAITING else 30
        body = {"question_text": text, "original_answer": f"An answer to {text}"}
        _, raw = await target.call("POST", f"/query?wait={wait}", json=body)
        ids.append(json.loads(raw)["question_id"])
    ratings = [
        {"userId": n % 3 + 1, "movieId": n + 1, "rating": 3.5, "timestamp": 1_764_061_200_000 + n}
        for n in range(9)
    ]
    assert (await target.call("POST", "/ratings", json={"ratings": ratings}))[0] == 202
    _, raw = await target.call("GET", "/dead-letters")
    letters = [each["origin"] for each in json.loads(raw)["letters"]]
    assert len(letters) == 2
    topics = [spec.name for spec in all_topics(load_settings()) if spec.record is not None]
    return {"ids": ids, "letters": letters, "topics": topics, "waiting": WAITING}


async def _schemathesis(target: Service, folder: Path, *options: str, seconds: float) -> str:
    """Run all checks; return what was printed. Fails with it when anything is found."""
    known = await _what_is_there(target)
    command = [
        str(SCHEMATHESIS),
        *("--config-file", str(HERE / "schemathesis.toml")),
        *("run", f"{target.url}/openapi.json", "--checks", "all", "--no-color"),
        # The machine may be busy: how fast examples are made says nothing about the API.
        *("--suppress-health-check", "all", "--request-timeout", "60", *options),
    ]
    environment = {**os.environ, "SCHEMATHESIS_HOOKS": "tests.security.schemathesis_hooks"}
    environment |= {"H1_TOKEN": TOKEN, "H1_KNOWN": json.dumps(known)}
    environment["H1_TALLY"] = str(folder / "tally.jsonl")
    environment["PYTHONPATH"] = str(HERE.parents[1])
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(seconds):
            output = (await process.communicate())[0].decode(errors="replace")
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0, re.sub(r"(.{300}).{1000,}", r"\1 ...", output)[-12000:]
    return output


def _all_tested(output: str) -> bool:
    """Tell whether every operation was tested: all but the description, which was only loaded."""
    [[selected, known]] = re.findall(r"Selected: (\d+)/(\d+)", output)
    [tested] = re.findall(r"Tested: (\d+)", output)
    return tested == selected == known and int(tested) >= len(OPERATIONS) - 1


def _told(folder: Path) -> tuple[list[Any], list[Any]]:
    """Return what the view of messages said to what was meant, and to what was made up."""
    lines = (folder / "tally.jsonl").read_text(encoding="utf-8").splitlines()
    found = [json.loads(line) for line in lines]
    return tuple([each for each in found if each[0] == kind] for kind in ("meant", "made up"))


@pytest.mark.timeout(700)
async def test_h1_schemathesis_finds_nothing(tmp_path: Path) -> None:
    """All examples and every bound of the description; few made-up ones: the long run has those."""
    async with service(tmp_path) as target:
        output = await _schemathesis(
            target, tmp_path, "--max-examples", "5", "--no-shrink", "--seed", "1", seconds=600
        )
        assert _all_tested(output)
        meant, made_up = _told(tmp_path)
        assert len(meant) > len(made_up) > 0
        assert [each for each in meant if each[1] != 200] == []
        assert await target.alive()
        assert "request_failed" not in target.log


@pytest.mark.long
@pytest.mark.timeout(2000)
@pytest.mark.parametrize("seed", ["1", "2", "3"])
async def test_h1_schemathesis_finds_nothing_in_the_long_run(tmp_path: Path, seed: str) -> None:
    async with service(tmp_path) as target:
        options = ("--max-time", "600", "--seed", seed)
        await _schemathesis(target, tmp_path, *options, seconds=900)
        assert await target.alive()
        assert "request_failed" not in target.log


BODY = b'{"question_text": "Why?"}'
HOST = b"Host: 127.0.0.1"
AUTH = b"Authorization: Bearer " + TOKEN.encode()
#: Requests that no client library sends, each with the statuses it may get.
RAW: list[tuple[bytes, set[int]]] = [
    (b"GET /questions/%00 HTTP/1.1\r\n" + HOST, {404}),
    (b"GET /questions/%ff%fe HTTP/1.1\r\n" + HOST, {404}),
    (b"GET /questions/%ED%A0%80 HTTP/1.1\r\n" + HOST, {404}),
    (b"GET /questions/%0d%0aSet-Cookie:%20a=b HTTP/1.1\r\n" + HOST, {404}),
    (b"GET /questions/\xff\xfe HTTP/1.1\r\n" + HOST, {400, 404}),
    (b"GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\n" + HOST, {404}),
    (b"GET /../../etc/passwd HTTP/1.1\r\n" + HOST, {400, 404}),
    (b"GET //evil.example/ HTTP/1.1\r\n" + HOST, {404}),
    (b"GET http://evil.example/ HTTP/1.1\r\n" + HOST, {200, 400, 404, 421}),
    (b"GET /questions?limit=%00 HTTP/1.1\r\n" + HOST, {422}),
    (b"GET /questions?limit=1&limit=2 HTTP/1.1\r\n" + HOST, {422}),
    (b"GET /questions?limit=" + b"9" * 5000 + b" HTTP/1.1\r\n" + HOST, {422}),
    (b"GET /questions?cursor=%ff HTTP/1.1\r\n" + HOST, {422}),
    (b"GET /questions?status=%F0%9F%92%A9 HTTP/1.1\r\n" + HOST, {422}),
    (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n" + HOST, {400, 414, 431}),
    (b"GET / HTTP/1.1\r\n" + HOST + b"\r\nX: " + b"a" * 20_000, {400, 431}),
    (b"GET / HTTP/1.1\r\n" + HOST + b"\r\nX: a\x00b", {400}),
    (b"GET / HTTP/1.1\r\n" + HOST + b"\r\nX: a\rb", {400}),
    (b"GET / HTTP/1.1\r\n" + HOST + b"\r\nBad Header: x", {400}),
    (b"GET / HTTP/1.1\r\nHost: evil.example", {421}),
    (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b", {400, 421}),
    (b"GET / HTTP/9.9\r\n" + HOST, {400, 505}),
    (b"get / HTTP/1.1\r\n" + HOST, {400, 404, 405}),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01", {400}),
    (b"BREW / HTTP/1.1\r\n" + HOST, {400, 405}),
    (b"TRACE /query HTTP/1.1\r\n" + HOST + b"\r\n" + AUTH, {405}),
    (b"PUT /query HTTP/1.1\r\n" + HOST + b"\r\n" + AUTH, {405}),
    (b"POST /query HTTP/1.1\r\n" + HOST + b"\r\n" + AUTH + b"\r\nContent-Length: -1", {400}),
    (
        b"POST /query HTTP/1.1\r\n" + HOST + b"\r\n" + AUTH + b"\r\nContent-Length: 99999999999",
        {413},
    ),
    (
        b"POST /query HTTP/1.1\r\n"
        + HOST
        + b"\r\n"
        + AUTH
        + b"\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
        {400},
    ),
    (
        b"POST /query HTTP/1.1\r\n"
        + HOST
        + b"\r\n"
        + AUTH
        + b"\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        {400},
    ),
    (
        b"POST /query HTTP/1.1\r\n"
        + HOST
        + b"\r\n"
        + AUTH
        + b"\r\nIdempotency-Key: a\r\nIdempotency-Key: b\r\nContent-Length: 25\r\n\r\n"
        + BODY,
        {422},
    ),
]


async def _raw(target: Service, request: bytes) -> tuple[int, dict[str, str], bytes]:
    reader, writer = await asyncio.open_connection("127.0.0.1", target.port, limit=2**20)
    whole = b"\r\n\r\n" in request
    writer.write(request if whole else request + b"\r\nConnection: close\r\n\r\n")
    async with asyncio.timeout(10):
        head = await reader.readuntil(b"\r\n\r\n")
        status, *lines = head.decode("latin-1").strip().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines)
        body = await reader.readexactly(int(headers["Content-Length"]))
    writer.close()
    return int(status.split(" ")[1]), headers, body


async def test_h1_broken_requests_are_json_errors_with_safe_headers(tmp_path: Path) -> None:
    async with service(tmp_path) as target:
        for request, expected in RAW:
            status, headers, body = await _raw(target, request)
            assert status in expected, (request[:80], status, body)
            assert headers["Content-Type"] == "application/json; charset=utf-8", request[:80]
            assert {name: headers.get(name) for name in SAFE_HEADERS} == SAFE_HEADERS
            assert "Set-Cookie" not in headers
            if status >= 400:
                assert set(json.loads(body)) == {"error"}
            assert await target.alive()
        assert "Traceback" not in target.log
