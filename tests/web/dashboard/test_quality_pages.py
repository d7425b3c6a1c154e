"""The pages of quality and of ratings in a real Chromium: real data, hostile texts, and none."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from app.adapters.llm.memory import ScriptedModel
from app.adapters.scorer.memory import OverlapScorer
from app.adapters.store.memory import MemoryStore
from app.adapters.store.rating_memory import MemoryRatingStore
from app.core.gate import Gate, Metric
from app.core.ratings.changes import RecommendedMovie as Movie
from app.core.ratings.changes import UserRecommendation
from app.ports import Ports
from app.transports import NewRecord
from app.wire.gate import WireGate
from models.ratings import StreamMetrics
from tests.adapters.store.contract_quality import judged
from tests.browser import Browser, Page, browsing
from tests.flow.engine import LIMITS, Engine, make_ports
from tests.ratings.report_samples import course
from tests.security.hostile import BEACON, NULS, strings
from tests.web.dashboard import axe
from tests.web.dashboard.stage import Stage, answer_of, drawn, staged
from tests.web.dashboard.test_quality import changes, keep_check

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]

WIDTHS = (1280, 360)
RECALL = replace(LIMITS, gate=Gate(0.5, Metric.RECALL, "settings"))
TEXTS = (
    ("¿Quién escribió el Quijote, y en qué año?", "Miguel de Cervantes, en el año de 1605."),
    ("Why is the sky blue, and red in the evening?", "Short wavelengths are scattered the most."),
)
GENERATIONS = "document.querySelectorAll('section[aria-label^=\"By gen\"] tbody tr').length"
IMAGES = Path(__file__).parents[3] / "docs" / "images"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with browsing() as found:
        yield found


async def fill(store: MemoryStore, total: int = 120) -> None:
    """Judged questions of the last half hour, some asked again, some rejected by a guard."""
    for n in range(total):
        first = 0.32 + (n * 37 % 66) / 100
        recalls = (first,) if first >= 0.5 else (first, min(0.97, first + 0.14 + n % 7 / 50))
        text, reference = TEXTS[n % 2]
        facts: dict[str, Any] = {"question_text": text, "original_answer": reference}
        facts["scorer"] = OverlapScorer().name
        if n % 15 == 0:
            facts["why"] = "guard echo: the answer repeats the question"
        await judged(store, f"q{n}", time.time() - 1800 + n, *recalls, **facts)


async def tell(engine: Engine) -> None:
    """Put what two ratings workers tell of themselves on the log."""
    gate, topic = WireGate(StreamMetrics), "metrics"
    engine.log.create_topic(topic, 1)
    for told in course(2, minutes=10):
        await engine.log.append(NewRecord(topic, 0, b"worker", gate.encode(told)))
    await engine.log.append(NewRecord(topic, 0, b"stranger", b"no metrics"))


def ports(store: MemoryStore | None = None) -> Ports:
    return make_ports(model=ScriptedModel(answer_of), store=store or MemoryStore())


def options(folder: Path) -> dict[str, Any]:
    """Both pipelines on a memory log, with a scorer whose check is kept in the folder."""
    gate = {"quality_metric": "recall", "quality_threshold": 0.5}
    return {"ratings": True, "broker": "memory:", "scorer": "memory:", "data_dir": folder, **gate}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def full(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    folder, store, ratings = tmp_path_factory.mktemp("full"), MemoryStore(), MemoryRatingStore()
    keep_check(folder, good=0.9, random=0.8)
    await fill(store)
    best = UserRecommendation(7, (Movie(42, 4.75, 0.9), Movie(43, 4.5, 0.8)), "als-1", 12, 1.7e9)
    await ratings.save(replace(changes(), recommendations=[best]))
    async with AsyncExitStack() as stack:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("tests.flow.ratings_stage.MemoryRatingStore", lambda: ratings)
            stage = await stack.enter_async_context(
                staged(browser, ports(store), limits=RECALL, **options(folder))
            )
        await tell(stage.engine)
        yield stage


async def checked(page: Page, what: str, *, with_axe: bool) -> None:
    await drawn(page)
    assert page.errors == [], what
    assert await page.overflow() <= 0, f"{what} is wider than its window"
    if with_axe:  # it takes seconds
        assert await axe.findings(page) == [], what


@pytest.mark.parametrize("width", WIDTHS)
async def test_both_pages_show_their_data_without_errors_or_overflow(
    full: Stage, width: int
) -> None:
    page = await full.open("#/quality?range=hour", width=width, dark=width == 360)
    await page.until(f"{GENERATIONS} === 2")
    await checked(page, f"quality at {width}", with_axe=width == 1280)
    if os.environ.get("ANSWERLOOP_TEST_PICTURES") and width == 1280:
        await page.screenshot(IMAGES / "dashboard-quality.png")
    await page.evaluate("location.hash = '#/ratings?user=7'")
    await page.until("document.querySelectorAll('.chart path.line').length === 2")
    await checked(page, f"ratings at {width}", with_axe=width == 360)
    if os.environ.get("ANSWERLOOP_TEST_PICTURES") and width == 1280:
        await page.screenshot(IMAGES / "dashboard-ratings.png")
    await page.close()


async def test_quality_tells_figures_pairs_and_the_gates_warning(full: Stage) -> None:
    page = await full.open("#/quality?range=hour")
    await page.until("document.querySelector('[data-figure=judged]')")
    _, found = await full.api.get("/ui/api/quality?range=hour")
    assert await page.text("[data-figure=judged]") == "120"
    assert await page.text("[data-figure=low_quality]") == str(found["by_status"]["low_quality"])
    assert await page.text("[data-figure=mean_score]") == f"{found['judged']['mean_score']:.3f}"
    assert "passes 48 of 48 random pairs" in await page.text(".alert.warn")
    histogram = await page.evaluate("document.querySelector('.histogram svg').textContent")
    assert "threshold 0.5" in histogram
    columns = sum(1 for c in found["scores"]["columns"] if c["validated"])
    drawn_columns = "document.querySelectorAll('.histogram svg.wide rect.validated').length"
    assert await page.evaluate(drawn_columns) == columns
    assert "guard: echo" in await page.text("section[aria-label='Why answers were rejected']")
    assert "Spanish" in await page.text("section[aria-label='By language']")
    first = "document.querySelector('.pair .verdict').innerText"
    assert "low quality" in await page.evaluate(first)
    await page.evaluate("[...document.querySelectorAll('.pairs .choice button')].at(-1).click()")
    await page.until(f"{first}.includes('validated')")
    await page.click(".pair a")
    await page.until("location.hash.startsWith('#/questions/q')")
    await page.evaluate("location.hash = '#/quality?range=all'")
    await page.until("document.querySelector('.choice [aria-pressed=true]')?.innerText === 'All'")
    assert page.errors == []
    await page.close()


async def test_a_users_movies_are_found_by_the_form_and_a_bad_id_is_told(full: Stage) -> None:
    page = await full.open("#/ratings")
    await page.until("document.querySelector('[data-figure=valid]')")
    figures = ("events", "valid", "rejected", "duplicate", "stale", "users", "rmse")
    shown = [await page.text(f"[data-figure={name}]") for name in figures]
    assert shown == ["46", "40", "3", "2", "1", "4", "1.000"]
    form = "section[aria-label='Recommendations of a user']"
    await page.evaluate(f'document.querySelector("{form} input").focus()')
    await page.write("7")
    await page.press("Enter")
    await page.until(f'document.querySelectorAll("{form} tbody tr").length === 2')
    assert await page.evaluate("location.hash") == "#/ratings?user=7"
    text = await page.text(form)
    assert "12 ratings of user 7" in text
    assert "als-1" in text
    await page.evaluate("location.hash = '#/ratings?user=%3Cb%3E'")
    await page.until(f"""document.querySelector("{form}").innerText.includes('is no user id')""")
    assert page.errors == []
    await page.close()


@pytest.mark.parametrize("width", WIDTHS)
async def test_empty_pages_say_what_to_run(browser: Browser, width: int, tmp_path: Path) -> None:
    async with staged(browser, ports(), **options(tmp_path)) as stage:
        page = await stage.open("#/ratings", width=width)
        await page.until("main.innerText.includes('answerloop ratings produce --count 10000')")
        await checked(page, f"ratings at {width}, empty", with_axe=width == 1280)
        await page.evaluate("location.hash = '#/quality?range=all'")
        await page.until("main.innerText.includes('answerloop ask')")
        await page.until("main.innerText.includes('not checked yet')")
        await checked(page, f"quality at {width}, empty", with_axe=False)
        await page.close()


async def test_ratings_are_in_the_navigation_only_where_they_run(browser: Browser) -> None:
    async with staged(browser) as stage:
        page = await stage.open("#/quality")
        await page.until("document.querySelector('.status.live')")
        assert "Ratings" not in await page.text("header nav")
        await page.evaluate("location.hash = '#/ratings'")
        await page.until("document.querySelector('[role=alert]')")
        assert "PIPELINES names ratings" in await page.text("main")
        await page.close()


async def test_h4_hostile_pairs_run_nothing(browser: Browser, tmp_path: Path) -> None:
    hostile = [each for each in strings() if each.strip() and each not in NULS][::9]
    store = MemoryStore()
    for n, each in enumerate(hostile):
        text = each.replace("\x00", "")
        facts = {
            "question_text": text,
            "original_answer": text,
            "answer": text,
            "scorer": text[:80],
        }
        await judged(store, f"q{n}", time.time() - 60 - n, (n + 1) / 90, **facts)
    async with staged(browser, ports(store), limits=RECALL, **options(tmp_path)) as stage:
        for width in WIDTHS:
            page = await stage.open("#/quality?range=hour", width=width)
            for place in range(3):
                await page.until("document.querySelector('.pair')")
                await page.evaluate(
                    f"document.querySelectorAll('.pairs .choice button')[{place}].click()"
                )
                await asyncio.sleep(0.05)
                assert await page.overflow() <= 0, width
            assert (
                await page.evaluate("document.querySelectorAll('main script, main img').length")
                == 0
            )
            assert await page.evaluate("document.body.dataset.ran === undefined")
            assert BEACON not in "".join(page.requests)
            assert page.errors == []
            await page.close()
