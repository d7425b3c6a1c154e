"""The driver itself: were it blind, the tests of the pages would pass whatever they show."""

from __future__ import annotations

from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.browser import browsing
from tests.browser.page import PageError

HTML = """<!doctype html><title>one</title><body style="margin:0">
<button id=b onclick="document.title='clicked'">press</button>
<p style="width:500px">wide</p><script>console.error('bad', 1); missing()</script>"""


async def test_a_page_is_seen_driven_and_listened_to(tmp_path: Path) -> None:
    async def page_of(_: web.Request) -> web.Response:
        return web.Response(text=HTML, content_type="text/html")

    app = web.Application()
    app.router.add_get("/", page_of)
    async with TestServer(app) as server, browsing() as browser:
        page = await browser.open(str(server.make_url("/")), width=360, dark=True)
        assert await page.evaluate("Promise.resolve({a: [1, innerWidth]})") == {"a": [1, 360]}
        assert await page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
        assert await page.overflow() == 140
        assert page.errors[0] == "bad 1"
        assert "missing is not defined" in page.errors[1]
        await page.click("#b")
        assert await page.until("document.title") == "clicked"
        await page.press("Tab")
        assert await page.evaluate("document.activeElement.id") == ""
        await page.press("Tab", shift=True)
        assert await page.evaluate("document.activeElement.id") == "b"
        with pytest.raises(PageError, match="oh no"):
            await page.evaluate("(() => { throw new Error('oh no') })()")
        await page.screenshot(tmp_path / "shot.png", whole=True)
        assert (tmp_path / "shot.png").read_bytes()[:4] == b"\x89PNG"
        await page.offline()
        assert await page.evaluate("fetch('/').catch(() => 'cut off')") == "cut off"
        await page.close()
