"""The page of the API in a real Chromium: every operation and topic, and requests made from it."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from app.asyncapi.parts import channel_id, specs
from app.settings import load_settings
from app.web.openapi_operations import OPERATIONS
from tests.browser import Page, browsing
from tests.flow.engine import question
from tests.web.dashboard import axe
from tests.web.dashboard.stage import Stage, drawn, staged

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]

TOKEN = "a-token-that-nobody-guesses"
HOSTILE = "<img src=x onerror=document.body.dataset.ran=1> ¿Qué?\u202e"
IMAGES = Path(__file__).parents[3] / "docs" / "images"
PICTURES = os.environ.get("ANSWERLOOP_TEST_PICTURES")
#: Page -> at which width axe-core looks at it: it takes seconds.
SHOWN = {
    "#/api": 360,
    "#/api/http/askQuestion": 1280,
    "#/api/http/findMessages": 0,
    "#/api/topics": 0,
    "#/api/topics/dead-letters": 360,
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage() -> AsyncIterator[Stage]:
    async with browsing() as browser, staged(browser, ratings=True, api_token=TOKEN) as found:
        yield found


async def go(page: Page, hash_: str) -> None:
    await page.evaluate(f"location.hash = {json.dumps(hash_)}")
    await asyncio.sleep(0.05)
    await drawn(page)


@pytest.mark.parametrize("width", [1280, 360])
async def test_the_pages_have_no_errors_no_overflow_and_no_findings(
    stage: Stage, width: int
) -> None:
    page = await stage.open("#/api", width=width, dark=width == 360)
    await page.until("document.querySelector('nav a[href=\"#/ratings\"]')")
    right = "document.querySelector('nav [aria-current]').getBoundingClientRect().right"
    assert await page.evaluate(f"{right} <= innerWidth"), "seen in the navigation, the last of all"
    for hash_, axe_at in SHOWN.items():
        await go(page, hash_)
        await page.until("document.querySelector('main section')")
        await page.evaluate("document.querySelectorAll('details').forEach((e) => e.open = true)")
        await page.until(
            "document.querySelectorAll('details').length === 0 || "
            "document.querySelectorAll('details[open] > :nth-child(2)').length > 0"
        )
        assert page.errors == [], hash_
        assert await page.overflow() <= 0, f"{hash_} is wider than its window"
        if axe_at == width:
            assert await axe.findings(page) == [], hash_
        if PICTURES:
            name = hash_.strip("#/").replace("/", "-") + ("-360" if width == 360 else "")
            await page.screenshot(Path(PICTURES) / f"{name}.png", whole=True)
    await page.close()


async def test_every_operation_and_every_topic_has_its_page(stage: Stage) -> None:
    page = await stage.open("#/api", width=360)
    links = "[...document.querySelectorAll('.route a')].map((each) => each.hash)"
    names = {operation.name for operation in OPERATIONS.values()}
    assert set(await page.evaluate(links)) == {f"#/api/http/{name}" for name in names}
    for name in sorted(names):
        await go(page, f"#/api/http/{name}")
        await page.until(f"document.querySelector('.crumbs code')?.innerText === '{name}'")
        assert await page.overflow() <= 0, name
        text = await page.text("main")
        for words in ("Replies", "Try it"):
            assert words in text, (name, words)
    await go(page, "#/api/topics")
    topics = [channel_id(key) for key in specs(load_settings())]
    await page.until(f"document.querySelectorAll('.route a').length === {len(topics)}")
    for name in topics:
        await go(page, f"#/api/topics/{name}")
        await page.until(f"document.querySelector('.crumbs code')?.innerText === '{name}'")
        assert await page.overflow() <= 0, name
    assert page.errors == []
    await page.close()


async def test_what_is_looked_for_is_found(stage: Stage) -> None:
    page = await stage.open("#/api")
    await page.evaluate("document.querySelector('.search input').focus()")
    await page.write("redrive")
    rows = "document.querySelectorAll('tbody tr').length"
    await page.until(f"{rows} === 3")
    await page.write(" nothing like it")
    await page.until("main.innerText.includes('Nothing was found')")
    await go(page, "#/api/http/nothing")
    await page.until("main.innerText.includes('not in the description')")
    await page.close()


async def test_a_read_is_sent_at_once_and_its_reply_is_text(stage: Stage) -> None:
    asked = question(HOSTILE, "An answer")
    await stage.engine.submit(asked)
    await stage.engine.finals(asked)
    page = await stage.open("#/api/http/getQuestion")
    await page.evaluate("document.querySelector('.try input').value = ''")
    await page.evaluate("document.querySelector('.try input').focus()")
    await page.write(asked.question_id)
    await page.click(".try button.primary")
    await page.until("document.querySelector('.reply pre')")
    reply = await page.text(".reply pre")
    assert json.dumps(HOSTILE[:40])[1:-1] in reply
    assert r"\u202e" in reply, "what turns the writing round is shown as it is written"
    assert f"curl '{stage.url}/questions/{asked.question_id}'" in await page.text(".try pre")
    assert await page.evaluate("document.querySelectorAll('main img').length") == 0
    assert await page.evaluate("document.body.dataset.ran === undefined")
    await go(page, "#/api/http/listen")
    await page.click(".try button.primary")
    await page.until("document.querySelector('.reply pre')?.innerText.includes('event: state')")
    await page.until("document.querySelector('.try button.primary:not(:disabled)')")
    assert page.errors == []
    await page.close()


async def test_a_write_asks_before_and_wants_the_token(stage: Stage) -> None:
    page = await stage.open("#/api/http/askQuestion")
    posts = "/query"

    def sent() -> int:
        return sum(each.endswith(posts) for each in page.requests)

    await page.click(".try button.primary")
    await page.until("document.querySelector('dialog')")
    assert "POST /query" in await page.text("dialog")
    await page.press("Escape")
    await page.until("!document.querySelector('dialog')")
    assert sent() == 0
    await page.click(".try button.primary")
    await page.click("dialog button.primary")
    await page.until("document.querySelector('dialog input[type=password]')")
    await page.write(TOKEN)
    await page.press("Enter")
    await page.until("document.querySelector('.reply .badge')")
    assert await page.text(".reply .badge") in ("✓202", "✓200", "✓\n202", "✓\n200")
    assert "question_id" in await page.text(".reply pre")
    assert sent() == 2, "without the token, then with it"
    assert TOKEN not in await page.text("main")
    assert '-H "Authorization: Bearer $TOKEN"' in await page.text(".try pre")
    await page.evaluate("document.querySelector('textarea').value = '{'")
    await page.click(".try button.primary")
    await page.until("document.querySelector('.try [role=alert]')")
    assert "The body is no JSON" in await page.text(".try [role=alert]")
    await page.close()
