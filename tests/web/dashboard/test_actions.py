"""What can be done from the pages: retry now, redrive; live figures; and text that stays text."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from app.adapters.llm.memory import ScriptedModel
from tests.browser import Browser, Page, browsing
from tests.flow.engine import make_ports, question
from tests.security.hostile import BEACON, NULS, strings
from tests.web.dashboard.stage import drawn, play, staged

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]
TOKEN = "a-token-that-nobody-guesses"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with browsing() as found:
        yield found


async def press(page: Page, words: str) -> None:
    """Click the last button with these words: a dialog's stands last."""
    last = f"[...document.querySelectorAll('button')].findLast((b) => b.innerText === '{words}')"
    await page.until(last)
    await page.evaluate(f"{last}.click()")


async def test_retries_and_letters_are_released_from_the_page_with_the_token(
    browser: Browser,
) -> None:
    async with staged(browser, api_token=TOKEN) as stage:
        stage.ids = await play(stage.engine)
        page = await stage.open("#/retries")
        rows = "document.querySelectorAll('tbody tr').length"
        assert await page.evaluate(rows) == 14
        first = await page.evaluate("document.querySelector('tbody a').hash.split('/').pop()")
        await page.click("tbody .act button")
        await page.until("document.querySelector('dialog input')")
        await page.write(TOKEN)
        await page.press("Enter")
        assert (await stage.engine.final(first)).status == "validated"
        await page.until("document.querySelector('tbody .act button').disabled")

        await press(page, "Retry all now …")
        await page.until("document.querySelector('dialog')")
        assert "13 questions: all that wait." in await page.text("dialog")
        await press(page, "Retry 13 now")
        await page.until("main.innerText.includes('Nothing waits.')")

        await page.evaluate("location.hash = '#/letters?cause=unauthorized'")
        await press(page, "Redrive these …")
        await page.until("document.querySelector('dialog')?.innerText.includes('Would be sent')")
        assert "3: 3 as questions" in await page.text("dialog")
        await press(page, "Redrive 3")
        await page.until("document.querySelector('dialog')?.innerText.includes('Had arrived')")
        await press(page, "Close")
        await page.until("main.innerText.includes('No dead letters.')")
        assert (await stage.engine.final(stage.ids["dead"])).status == "validated"
        assert not [each for each in page.requests if TOKEN in each]
        assert TOKEN not in await page.evaluate("JSON.stringify(localStorage)")
        assert [each for each in page.errors if "401" not in each] == []
        await page.close()


async def test_a_wrong_token_and_a_dialog_that_is_closed_do_nothing(browser: Browser) -> None:
    async with staged(browser, api_token=TOKEN) as stage:
        stage.ids = await play(stage.engine)
        page = await stage.open("#/retries")
        await page.click("tbody .act button")
        await page.until("document.querySelector('dialog input')")
        await page.write("wrong")
        await page.press("Enter")
        await page.until("document.querySelector('dialog')?.innerText.includes('refused')")
        await page.press("Escape")
        await page.until("document.querySelector('dialog')?.innerText.includes('did not work')")
        counts = await stage.engine.ports.store.counts()
        assert counts["waiting"] == 14
        await page.close()


async def test_figures_change_without_a_reload_until_they_are_paused(browser: Browser) -> None:
    async with staged(browser) as stage:
        page = await stage.open()
        await page.evaluate("window.same = true")
        await page.until("document.querySelector('.status.live')")
        accepted = "document.querySelector('[data-figure=accepted]')?.innerText"
        first = [question(f"Early {n}? Say yes.", "yes.") for n in range(5)]
        await stage.engine.submit(*first)
        await page.until(f"{accepted} === '5'")
        await page.until("document.querySelector('.chart path.one').getAttribute('d').length > 20")

        await page.click(".pause")
        await page.until("document.querySelector('.status.paused')")
        asked = len(page.requests)
        more = [question(f"Late {n}? Say yes.", "yes.") for n in range(5)]
        await stage.engine.submit(*more)
        await stage.engine.finals(*more)
        await asyncio.sleep(2.5)
        assert await page.evaluate(accepted) == "5"
        assert len(page.requests) == asked, "a paused page asks for nothing"
        await page.click(".pause")
        await page.until(f"{accepted} === '10'")

        await page.evaluate("document.querySelector('.every input').focus()")
        await page.press("ArrowRight")
        await page.until("document.querySelector('.every').innerText.includes('every 2 s')")
        for _ in range(100):  # the old stream stays live until the new one is asked for
            if page.requests[-1].endswith("/live?every=2"):
                break
            await asyncio.sleep(0.1)
        assert page.requests[-1].endswith("/live?every=2")
        await page.until("document.querySelector('.status.live')")
        assert await page.evaluate("window.same"), "the page was never loaded again"
        await page.offline()
        for _ in range(5):  # a connection that is made as the network goes stays open
            await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
            await asyncio.sleep(1)
            if await page.evaluate("document.querySelector('.status.lost') !== null"):
                break
        await page.until("document.querySelector('.status.lost')")
        await page.until("document.querySelector('main .alert.bad')")
        assert "has not answered since" in await page.text("main .alert.bad")
        assert "What you see is from then." in await page.text("main .alert.bad")
        await page.offline(False)
        await page.until("document.querySelector('.status.live')")
        await page.until("!document.querySelector('main .alert.bad')")
        await page.evaluate("localStorage.clear()")
        await page.close()


async def test_h4_five_hundred_hostile_strings_run_nothing(browser: Browser) -> None:
    hostile = [each for each in strings() if each.strip() and each not in NULS]
    assert len(hostile) > 450
    model = ScriptedModel(lambda prompt: prompt.user)
    async with staged(browser, make_ports(model=model)) as stage:
        asked = [
            question(text.replace("\x00", ""), text.replace("\x00", "")[:30_000])
            for text in hostile
        ]
        await stage.engine.submit(*asked)
        await stage.engine.finals(*asked)
        page = await stage.open("#/questions")
        for _ in range(len(asked) // 50):
            await page.until("document.querySelectorAll('tbody tr').length > 0")
            assert await page.overflow() <= 0
            before = await page.evaluate("location.hash")
            await page.evaluate("document.querySelectorAll('.pager button')[2].click()")
            await page.until(f"location.hash !== {before!r}")
            await page.until(
                "performance.getEntriesByType('resource').some((e) => e.name.includes("
                "new URLSearchParams(location.hash.split('?')[1]).get('cursor')))"
            )
            await drawn(page)
        for each in asked[::25]:
            await page.evaluate(f"location.hash = '#/questions/{each.question_id}'")
            await page.until(f"main.innerText.includes('{each.question_id}')")
            assert await page.overflow() <= 0, each.question_text[:80]
        assert BEACON not in "".join(page.requests)
        assert await page.evaluate("document.body.dataset.ran === undefined")
        assert BEACON not in await page.evaluate("document.title")
        assert page.errors == []
        wide = await stage.open(f"#/questions?q={'%3Cscript%3E'}", width=360)
        assert await wide.overflow() <= 0
        assert await wide.evaluate("document.querySelectorAll('main script, main img').length") == 0
        await page.close()
        await wide.close()


async def test_a_page_that_tried_to_run_a_text_would_be_seen(browser: Browser) -> None:
    """The check above is not blind: the policy refuses, and the refusal is an error."""
    async with staged(browser) as stage:
        page = await stage.open()
        tried = "document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=1>')"
        refused = f"(() => {{ try {{ {tried} }} catch {{ return true }} }})()"
        assert await page.evaluate(refused) is True
        await page.close()
