"""The page in a real Chromium: no text of a question runs; sorting, filters and paging work."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser import Browser, Page, browsing
from tests.quality_report.samples import HOSTILE, hostile_results, page_of, random_results

STATES = "[...document.querySelectorAll('#rows tbody .row .badge')].map(b => b.textContent)"
SCORES = (
    "[...document.querySelectorAll('#rows tbody .row')].map(r => Number(r.cells[4].textContent))"
)


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with browsing() as browser:
        yield browser


async def opened(browser: Browser, folder: Path, source: str, **screen: Any) -> Page:
    file = folder / "report.html"
    file.write_text(source, encoding="utf-8")
    return await browser.open(file.as_uri(), **screen)


async def choose(page: Page, selector: str, value: str, event: str = "change") -> None:
    await page.evaluate(
        f"""(() => {{ const e = document.querySelector({selector!r}); e.value = {value!r};
        e.dispatchEvent(new Event({event!r})); }})()"""
    )


async def test_h4_hostile_texts_do_not_run(browser: Browser, tmp_path: Path) -> None:
    source = page_of(hostile_results())
    page = await opened(browser, tmp_path, source)
    title = await page.evaluate("document.title")
    count = await page.evaluate("document.querySelectorAll('#rows tbody .row').length")
    for n in range(count):
        await page.evaluate(f"document.querySelectorAll('#rows tbody .row')[{n}].click()")
    groups = await page.evaluate("document.querySelectorAll('.lead').length")
    for n in range(groups):
        await page.evaluate(f"document.querySelectorAll('.lead')[{n}].click()")
    await page.evaluate("document.querySelector('select').selectedIndex = 0")
    assert title == await page.evaluate("document.title")
    assert title.startswith("Quality report")
    assert await page.evaluate("document.querySelectorAll('img, iframe, svg[onload]').length") == 0
    assert await page.evaluate("document.scripts.length") == 2
    assert page.errors == []
    assert [each for each in page.requests if not each.startswith("file:")] == []
    text = await page.evaluate("document.body.textContent")
    assert HOSTILE[1] in text


async def test_sorting_filters_and_opening(browser: Browser, tmp_path: Path) -> None:
    results = random_results(400)
    page = await opened(browser, tmp_path, page_of(results))
    assert await page.text("#found") == "1 to 25 of 400"
    await page.evaluate("document.querySelectorAll('#rows thead button')[4].click()")
    rising = await page.evaluate(SCORES)
    known = sorted(each["f1"] for each in results if each["f1"] is not None)
    assert rising == pytest.approx([round(each, 3) for each in known[:25]], abs=0.0006)
    await page.evaluate("document.querySelectorAll('#rows thead button')[4].click()")
    assert await page.evaluate(SCORES) == pytest.approx(known[:-26:-1], abs=0.0006)
    await choose(page, "#filters select", "low_quality")
    low = [each for each in results if each["status"] == "low_quality"]
    assert await page.text("#found") == f"1 to 25 of {len(low)} that fit, of 400"
    assert set(await page.evaluate(STATES)) == {"low quality"}
    await choose(page, "#filters input[type=number]", "0.45", "input")
    between = [each for each in low if each["f1"] >= 0.45]
    assert f"of {len(between)} that fit" in await page.text("#found")
    await choose(
        page, "#filters input[type=search]", f"QUESTION {between[0]['metadata']['row']}?", "input"
    )
    assert "1 to 1 of 1 that fit" in await page.text("#found")
    await page.click("#rows tbody .open")
    cards = await page.evaluate(
        "[...document.querySelectorAll('.cards .card .head b')].map(b => b.textContent)"
    )
    assert cards == ["reference", "generation 1", "generation 2", "generation 3"]
    await choose(page, "#filters input[type=search]", "nowhere", "input")
    assert await page.text("#found") == "none of 400 fits"


async def test_pages_and_groups_lead_to_questions(browser: Browser, tmp_path: Path) -> None:
    results = random_results(60)
    page = await opened(browser, tmp_path, page_of(results))
    await page.click("#after")
    await page.click("#after")
    assert await page.text("#found") == "51 to 60 of 60"
    assert await page.evaluate("document.querySelector('#after').disabled")
    await page.evaluate("document.querySelector('[data-value=hard] button').click()")
    hard = sum(each["metadata"]["topic"] == "hard" for each in results)
    assert f"of {hard} that fit, of 60" in await page.text("#found")
    assert page.errors == []


@pytest.mark.parametrize("dark", [False, True])
async def test_it_fits_a_phone(browser: Browser, tmp_path: Path, dark: bool) -> None:
    page = await opened(browser, tmp_path, page_of(random_results(300)), width=360, dark=dark)
    await page.evaluate("document.querySelectorAll('#rows tbody .row')[2].click()")
    assert await page.overflow() == 0
    hostile = await opened(browser, tmp_path, page_of(hostile_results()), width=360, dark=dark)
    assert await hostile.overflow() == 0
