"""Every page in a real Chromium: with questions in every state, and with none."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.browser import Browser, Page, browsing
from tests.flow.engine import question
from tests.web.dashboard import axe
from tests.web.dashboard.stage import Stage, drawn, play, staged

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]

WIDTHS = (1280, 360)
#: It takes seconds for each page; light at 1280, dark at 360.
WITH_AXE = {
    1280: ("overview", "questions", "question-waiting", "letters"),
    360: ("overview", "retries", "question-low_quality", "system"),
}
#: Where the pictures of the docs are put, when they are to be made anew.
PICTURES = os.environ.get("ANSWERLOOP_TEST_PICTURES")
IMAGES = Path(__file__).parents[3] / "docs" / "images"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with browsing() as found:
        yield found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def full(browser: Browser) -> AsyncIterator[Stage]:
    """A dashboard over questions in every state."""
    async with staged(browser) as stage:
        stage.ids = await play(stage.engine, more=60)
        yield stage


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bare(browser: Browser) -> AsyncIterator[Stage]:
    """A dashboard over nothing."""
    async with staged(browser) as stage:
        yield stage


def pages(stage: Stage) -> dict[str, str]:
    """Name -> address of every page, and of one question in each state."""
    found = {"overview": "#/", **{n: f"#/{n}" for n in ("questions", "retries", "letters")}}
    found["system"] = "#/system"
    return found | {f"question-{s}": f"#/questions/{each}" for s, each in stage.ids.items()}


async def checked(page: Page, what: str, *, with_axe: bool) -> None:
    assert page.errors == [], what
    assert await page.overflow() <= 0, f"{what} is wider than its window"
    if with_axe:
        assert await axe.findings(page) == [], what


@pytest.mark.parametrize("width", WIDTHS)
async def test_each_page_shows_its_data_without_errors_or_overflow(
    full: Stage, width: int, tmp_path: Path
) -> None:
    page = await full.open(width=width, dark=width == 360)
    for name, hash_ in pages(full).items():
        await page.evaluate(f"location.hash = '{hash_}'")
        await asyncio.sleep(0.2)
        await drawn(page)
        await page.until("!document.querySelector('main .empty')")
        await checked(page, f"{name} at {width}", with_axe=name in WITH_AXE[width])
    if PICTURES:
        await _pictures(full, width)
    await page.close()


async def _pictures(stage: Stage, width: int) -> None:
    """Write the pictures of the docs: the overview while questions are answered, and two more."""
    IMAGES.mkdir(exist_ok=True)
    model = stage.engine.ports.model
    model._seconds = 0.25
    page = await stage.open(width=width, dark=width == 360)
    for n in range(60):
        asked = [question(f"Picture {n}.{each}? Say yes.", "yes.") for each in range(2 + n % 4)]
        await stage.engine.submit(*asked)
        await asyncio.sleep(0.7)
    await page.screenshot(IMAGES / f"dashboard-overview{'-360' if width == 360 else ''}.png")
    if width == 1280:
        await page.evaluate("location.hash = '#/system'")
        await page.until("document.querySelector('[data-figure=commit]')")
        await drawn(page)
        await page.screenshot(IMAGES / "dashboard-system.png")
    await page.close()
    model._seconds = 0.0
    for name, hash_ in {"question": stage.ids["low_quality"], "retries": ""}.items():
        page = await stage.open(f"#/questions/{hash_}" if hash_ else "#/retries", width=width)
        if width == 1280:
            await page.screenshot(IMAGES / f"dashboard-{name}.png")
        await page.close()


@pytest.mark.parametrize("width", WIDTHS)
async def test_an_empty_page_says_what_to_run(bare: Stage, width: int) -> None:
    page = await bare.open(width=width, dark=width == 1280)
    for hash_, command in {
        "#/": "answerloop run",
        "#/questions": "answerloop ask",
        "#/retries": "answerloop fake-llm",
        "#/letters": "answerloop dlq list",
        "#/system": "every setting has its default",
    }.items():
        await page.evaluate(f"location.hash = '{hash_}'")
        await page.until(f"main.innerText.includes('{command}')")
        await checked(page, f"{hash_} at {width}, empty", with_axe=hash_ == "#/questions")
    await page.close()


async def test_the_overview_tells_the_figures_of_the_database(full: Stage) -> None:
    page = await full.open()
    counts = await full.engine.ports.store.counts()
    shown = {
        name: await page.text(f"[data-figure={name}]")
        for name in ("accepted", "in_progress", "validated", "low_quality", "unscored", "dead")
    }
    assert shown == {
        "accepted": str(sum(counts.values())),
        "in_progress": "14",
        "validated": "65",
        "low_quality": "1",
        "unscored": "1",
        "dead": "3",
    }
    assert "All is well." in await page.text(".alert")
    assert "closed: calls go through" in await page.text("main")
    await page.close()


async def test_what_is_not_well_is_said_first_and_ends_when_it_does(full: Stage) -> None:
    full.engine.ports.model.available = False
    try:
        page = await full.open()
        await page.until("document.querySelector('.alert.warn')")
        assert "The model is down" in await page.text(".alert")
    finally:
        full.engine.ports.model.available = True
    await page.until("document.querySelector('.alert.good')")
    await page.close()


async def test_a_question_tells_every_attempt_and_its_answers(full: Stage) -> None:
    page = await full.open(f"#/questions/{full.ids['low_quality']}")
    text = await page.text("main")
    for words in ("Generation 1, attempt 1", "Generation 3, attempt 1", "Short wavelengths"):
        assert words in text
    assert await page.evaluate("document.querySelectorAll('article').length") == 4
    assert await page.evaluate("document.querySelectorAll('article.kept').length") == 1
    await page.evaluate(f"location.hash = '#/questions/{full.ids['dead']}'")
    await page.until("main.innerText.includes('HTTP 401')")
    assert "Dead letter: unauthorized" in await page.text(".timeline")
    await page.evaluate(f"location.hash = '#/questions/{full.ids['waiting']}'")
    await page.until("main.innerText.includes('Waits for its retry')")
    assert "the server asked for a wait of 2 min 30 s" in await page.text(".timeline")
    await page.close()


async def test_lists_are_filtered_searched_and_paged_and_addresses_remember_it(
    full: Stage,
) -> None:
    page = await full.open("#/questions")
    rows = "document.querySelectorAll('tbody tr').length"
    assert await page.until(rows) == 50
    await page.evaluate("[...document.querySelectorAll('.pager button')][2].click()")
    await page.until(f"{rows} === 34")
    await page.evaluate("[...document.querySelectorAll('.choice button')][4].click()")
    await page.until(f"{rows} === 3")
    assert "status=dead" in await page.evaluate("location.hash")
    await page.evaluate("location.hash = '#/questions'")
    await page.until(f"{rows} === 50")
    await page.evaluate("document.querySelector('.search input').focus()")
    await page.write("QUIJOTE")
    await page.until(f"{rows} === 1")
    assert await page.evaluate("location.hash") == "#/questions?q=QUIJOTE"
    assert await page.evaluate("document.activeElement.type") == "search", "typing goes on"
    again = await full.open("#/questions?q=QUIJOTE")
    assert await again.evaluate("document.querySelector('.search input').value") == "QUIJOTE"
    assert await again.evaluate(rows) == 1
    await again.evaluate("location.hash = '#/questions?q=nowhere'")
    await again.until("main.innerText.includes('Nothing was found')")
    assert page.errors == again.errors == []
    await page.close()
    await again.close()


async def test_an_unknown_question_and_page_are_told_in_words(full: Stage) -> None:
    page = await full.open()
    await page.evaluate("location.hash = '#/questions/nobody'")
    await page.until("document.querySelector('[role=alert]')")
    assert "no question has the id nobody" in await page.text("main")
    await page.evaluate("location.hash = '#/nowhere'")
    await page.until("main.innerText.includes('No such page')")
    await page.close()


async def test_the_keyboard_reaches_everything_and_the_focus_is_seen(full: Stage) -> None:
    page = await full.open("#/retries")
    every = await page.evaluate(
        "[...document.querySelectorAll('a[href], button:not(:disabled), input, select, "
        '[tabindex="0"]\')].filter((each) => each.getClientRects().length).length'
    )
    await page.evaluate("document.activeElement.blur(); window.seen = new Set()")
    for _ in range(every + 3):
        await page.press("Tab")
        found = await page.evaluate(
            "(() => { const at = document.activeElement; if (at !== document.body) seen.add(at);"
            "return getComputedStyle(at).outlineStyle !== 'none' || at === document.body; })()"
        )
        assert found, await page.evaluate("document.activeElement.outerHTML.slice(0, 200)")
    assert await page.evaluate("seen.size") >= every
    await page.evaluate("document.querySelector('.skip').focus()")
    await page.press("Enter")
    assert await page.evaluate("document.activeElement.id") == "main"
    await page.close()


async def test_a_tab_in_the_background_listens_once_it_is_seen(full: Stage) -> None:
    page = await full.browser.open()
    hidden = "Object.defineProperty(document, 'hidden', {get: () => window.away ?? true})"
    await page.call("Page.addScriptToEvaluateOnNewDocument", source=hidden)
    await page.go(full.url + "/#/system")
    await drawn(page)
    assert not [each for each in page.requests if "/live?" in each]
    await page.evaluate("away = false; document.dispatchEvent(new Event('visibilitychange'))")
    await page.until("document.querySelector('.status.live')")
    assert page.errors == []
    await page.close()


async def test_the_system_page_shows_stages_and_commits_by_topic_and_partition(full: Stage) -> None:
    page = await full.open("#/system")
    texts = "[...document.querySelectorAll('[aria-label={}] tbody tr')].map(each => each.innerText)"
    stages = await page.evaluate(texts.format('"Stages"'))
    assert [row.split()[0] for row in stages] == [
        *("admit", "ask", "route", "hold", "judge", "persist")
    ]
    assert len(await page.evaluate(texts.format('"Commits"'))) == 11
    await page.evaluate(
        "[...document.querySelectorAll('[aria-label=\"Commits\"] button')]"
        ".find(each => each.innerText === 'Partitions').click()"
    )
    await page.until("document.querySelectorAll('[aria-label=Commits] tbody tr').length === 44")
    for name in ("done", "loop-lag", "commit"):
        value = await page.evaluate(f"document.querySelector('[data-figure={name}]').innerText")
        assert any(each.isdigit() for each in value), name
    assert page.errors == []
    await page.close()


async def test_colours_follow_the_system_until_they_are_chosen(full: Stage) -> None:
    page = await full.open(dark=True)
    background = "getComputedStyle(document.body).backgroundColor"
    dark = await page.evaluate(background)
    await page.evaluate(
        "(() => { const at = document.querySelector('.theme select'); at.value = 'light';"
        "at.dispatchEvent(new Event('change')); })()"
    )
    light = await page.evaluate(background)
    assert dark != light
    await page.prefer(dark=False)
    assert await page.evaluate(background) == light
    await page.evaluate("localStorage.clear()")
    await page.close()
