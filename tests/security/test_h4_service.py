"""H4: 500 hostile strings through a whole service: kept exactly, and run by no browser."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import aiohttp
import pytest
from aiohttp import web

from app.adapters.llm.text import clean_text
from app.web.openapi_operations import OPERATIONS
from app.web.safe_headers import SAFE_HEADERS
from tests.browser.chromium import Browser, browsing
from tests.security.hostile import BEACON, strings
from tests.security.service import Service, service

HOSTILE = strings()
FINAL = {"validated", "low_quality", "unscored"}
SETTLE_SECONDS = 0.3


def answer_with_the_same(question: str) -> str:
    """Answer with the question, without what a model is told around it."""
    return max((text for text in HOSTILE if question.endswith(text)), key=len, default="none")


async def _ask(target: Service, session: aiohttp.ClientSession, text: str) -> dict[str, Any] | None:
    """Ask a hostile question; return its end, None when it is refused."""
    body = {
        "question_text": text,
        "original_answer": text,
        "metadata": {"value": text, text: "key", "list": [text]},
        "fresh": True,  # else those that differ in white space only are one question
    }
    headers = {"Authorization": f"Bearer {target.token}"}
    if text.isprintable() and text.isascii() and len(text) <= 255:
        headers["Idempotency-Key"] = text
    url = f"{target.url}/query?wait=100"
    async with session.post(url, json=body, headers=headers) as response:
        row: dict[str, Any] = await response.json()
        if response.status in {413, 422}:
            assert row["error"]["code"] in {"invalid", "too_large"}
            return None
        assert response.status == 200, (text[:80], row)
        return row


async def _ask_all(target: Service) -> list[dict[str, Any]]:
    gate = asyncio.Semaphore(24)

    async def one(text: str) -> tuple[str, dict[str, Any] | None]:
        async with gate:
            return text, await _ask(target, session, text)

    async with aiohttp.ClientSession() as session:
        found = await asyncio.gather(*(one(text) for text in HOSTILE))
    for text, row in found:
        if row is None:
            assert "\x00" in text or not text.strip() or len(text.encode()) * 4 > 60_000, text[:80]
            continue
        assert row["question_text"] == row["original_answer"] == text
        assert row["metadata"] == {"value": text, text: "key", "list": [text]}
        assert row["status"] in FINAL
        if row["status"] == "validated":
            assert row["answer"].strip() == clean_text(text).strip()
    return [row for _, row in found if row is not None]


async def _rows(target: Service) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = json.loads((await target.call("GET", f"/questions?limit=200{cursor}"))[1])
        rows += page["questions"]
        if page["cursor"] is None:
            return rows
        cursor = f"&cursor={page['cursor']}"


@asynccontextmanager
async def _mirror(pages: dict[str, tuple[bytes, dict[str, str]]]) -> AsyncIterator[Any]:
    """Serve pages exactly as they were given; note every other path that is asked.

    (A browser quotes more characters of an address than the client that fetched the page.)
    """
    asked: list[str] = []
    shown = {unquote(path): page for path, page in pages.items()}

    async def handle(request: web.Request) -> web.Response:
        if (path := unquote(request.raw_path)) not in shown:
            asked.append(request.raw_path)
            return web.Response(status=404)
        body, headers = shown[path]
        return web.Response(body=body, headers=headers)

    app = web.Application()
    app.router.add_get("/{tail:.*}", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", asked
    finally:
        await runner.cleanup()


async def _browse(browser: Browser, url: str) -> str:
    """Open a page in a tab of headless Chromium, let it run, return its document."""
    page = await browser.open()
    try:
        await page.go(url)
        await asyncio.sleep(SETTLE_SECONDS)  # what its scripts ask for once it is loaded
        document: str = await page.evaluate("document.documentElement.outerHTML")
        return document
    finally:
        await page.close()


def _ran(document: str, asked: list[str]) -> bool:
    """Tell whether a script ran: it asks for the beacon, or marks the page."""
    marked = f'data-ran="{BEACON}"' in document or f"<title>{BEACON}</title>" in document
    return marked or any(path.startswith(BEACON) for path in asked)


async def _pages(target: Service, ids: list[str]) -> dict[str, tuple[bytes, dict[str, str]]]:
    """Fetch every GET route as a browser would, with hostile words in the addresses, too."""
    paths = [name.split(" ")[1] for name in OPERATIONS if name.startswith("GET ")]
    paths = [path for path in paths if "{" not in path and path != "/live"]
    paths += [f"/questions/{each}" for each in ids]
    script = "%3Cscript%3Efetch('/beacon-of-h4')%3C/script%3E"
    paths += ["/questions?limit=500", f"/{script}", f"/questions/{script}", "/live?events=1"]
    paths += [f"/ui/api/questions/{each}" for each in ids]
    paths += [f"/ui/api/questions?q={script}", f"/ui/{script}/main.js", f"/ui/x/{script}"]
    paths += [f"/questions?status={script}", f"/questions?{script}=1"]
    pages = {}
    async with aiohttp.ClientSession() as session:
        for path in dict.fromkeys(paths):
            headers = {"Accept": "text/html,*/*;q=0.8"}
            url = target.url + path
            async with session.get(url, headers=headers) as response:
                kept = {k: v for k, v in response.headers.items() if k in SAFE_HEADERS}
                kept["Content-Type"] = response.headers["Content-Type"]
                assert kept.keys() >= SAFE_HEADERS.keys(), path
                pages[path] = (await response.read(), kept)
    return pages


@pytest.mark.timeout(400)
async def test_h4_hostile_strings_are_kept_exactly_and_run_nowhere(tmp_path: Path) -> None:
    settings = {"LLM_CONCURRENCY": "16", "MAX_GENERATIONS": "1", "QUALITY_THRESHOLD": "0"}
    async with service(tmp_path, answer=answer_with_the_same, **settings) as target:
        ended = await _ask_all(target)
        assert len(ended) > 470
        rows = await _rows(target)
        assert len(rows) == len({row["question_id"] for row in ended})
        texts = {row["question_id"]: row["question_text"] for row in rows}
        assert texts == {row["question_id"]: row["question_text"] for row in ended}
        pages = await _pages(target, [row["question_id"] for row in ended[:200:40]])
        assert "Traceback" not in target.log
    async with _mirror(pages) as (url, asked), browsing() as browser:
        for path in pages:
            assert not _ran(await _browse(browser, url + path), asked), path


@pytest.mark.timeout(200)
async def test_h4_a_page_that_shows_them_raw_is_seen_to_run_and_the_headers_alone_stop_it() -> None:
    script = next(text for text in HOSTILE if text.startswith("<script>"))
    image = next(text for text in HOSTILE if text.startswith("<img src=x onerror"))
    page = f"<!doctype html><body>{script}{image}".encode()
    html = {"Content-Type": "text/html; charset=utf-8"}
    pages = {"/bare": (page, html), "/safe": (page, {**SAFE_HEADERS, **html})}
    async with _mirror(pages) as (url, asked), browsing() as browser:
        assert _ran(await _browse(browser, f"{url}/bare"), asked)
        asked.clear()
        assert not _ran(await _browse(browser, f"{url}/safe"), asked)
