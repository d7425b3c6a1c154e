"""The pages of topics and groups in a real Chromium: real records, hostile ones, and none."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from app.inspection.log_reader import LogReader
from app.transports import NewRecord
from tests.browser import Browser, Page, browsing
from tests.flow.engine import Engine
from tests.security.hostile import BEACON, strings
from tests.web.dashboard import axe
from tests.web.dashboard.stage import Stage, drawn, play, staged
from tests.web.dashboard.test_pages import IMAGES, PICTURES

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]

ROWS = "document.querySelectorAll('section[aria-label=Messages] tbody tr').length"
WIDTHS = (1280, 360)
#: It takes seconds for each page; light at 1280, dark at 360.
WITH_AXE = {1280: ("topics", "no text", "undecodable"), 360: ("search", "groups")}

#: The pictures of the docs, made anew when they are wanted.
PICTURED = {"search": "messages", "groups": "groups"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with browsing() as found:
        yield found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def full(browser: Browser) -> AsyncIterator[Stage]:
    """A dashboard over topics with questions in every state, and with records of strangers."""
    async with staged(browser, partitions=4) as stage:
        stage.ids = await play(stage.engine, more=60)
        await spoil(stage.engine)
        yield stage


async def spoil(engine: Engine) -> None:
    """Put records on a topic that are none, as another program would."""
    topic, now = engine.names.questions_pending, time.time()
    values = [text.encode(errors="replace") for text in list(strings())[::9]]
    values += [b"\xff\xfe\x00<script>window.ran = 1</script>", b"", b'{"type": ' + b"9" * 5000]
    for n, value in enumerate(values):
        headers = {f"h{n}\u202e": value[:200], "bytes": b"\x00\xff"}
        key = value[:80] if n % 2 else b"\x80\x81"
        await engine.log.append(NewRecord(topic, 0, key, value, now, headers))
    await engine.idle()


def pages(stage: Stage) -> dict[str, str]:
    log, topic = stage.engine.log, stage.engine.names.questions_pending
    last = log.end((topic, 0)) - 1
    return {
        "topics": "#/topics",
        "topic": "#/topics/llm-responses-error",
        "search": "#/topics/llm-requests?filter=question_text~star",
        "undecodable": f"#/topics/{topic}?bad=true",
        "message": "#/topics/llm-requests/0/0",
        "no text": f"#/topics/{topic}/0/{last - 2}",
        "nothing": f"#/topics/{topic}/0/{last - 1}",
        "long": f"#/topics/{topic}/0/{last}",
        "groups": "#/groups",
    }


async def settled(page: Page) -> None:
    await drawn(page)
    await page.until("!main.innerText.includes('Reading …')")
    await page.until(
        "![...document.querySelectorAll('button')].some((b) => b.innerText === 'Stop')"
    )


@pytest.mark.parametrize("width", WIDTHS)
async def test_each_page_shows_its_data_without_errors_or_overflow(full: Stage, width: int) -> None:
    page = await full.open("#/topics", width=width, dark=width == 360)
    for name, hash_ in pages(full).items():
        await page.evaluate(f"location.hash = '{hash_}'")
        await asyncio.sleep(0.2)
        await settled(page)
        assert await page.evaluate("document.querySelector('main .empty, [role=alert]')") is None
        assert page.errors == [], name
        assert await page.overflow() <= 0, f"{name} is wider than {width}"
        ran = "window.ran || document.body.dataset.ran || document.title.includes('beacon')"
        assert not await page.evaluate(ran), name
        if PICTURES and width == 1280 and (picture := PICTURED.get(name)):
            await page.screenshot(IMAGES / f"dashboard-{picture}.png")
        if name in WITH_AXE[width]:
            assert await axe.findings(page) == [], name
    assert BEACON not in "".join(page.requests)
    await page.close()


@pytest.mark.parametrize("width", WIDTHS)
async def test_an_empty_page_says_what_to_run(
    browser: Browser, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with staged(browser, partitions=4) as bare:
        page = await bare.open("#/topics", width=width, dark=width == 1280)
        for hash_, words in {
            "#/topics/dead-letters": "answerloop ask",
            "#/topics/dead-letters?key=x": "No message from here on meets",
            "#/topics/dead-letters?from_time=2h": "Choose another place above",
        }.items():
            await page.evaluate(f"location.hash = '{hash_}'")
            await page.until(f"main.innerText.includes('{words}')")
            assert page.errors == []
            assert await page.overflow() <= 0
        await page.close()

    async def nobody(_: LogReader) -> list[str]:
        return []

    monkeypatch.setattr(LogReader, "group_names", nobody)
    async with staged(browser, partitions=4, app_id="nobody", topic_prefix="other-") as bare:
        page = await bare.open("#/topics", width=width)
        for hash_, command in {
            "#/topics": "answerloop topics create",
            "#/groups": "answerloop worker",
        }.items():
            await page.evaluate(f"location.hash = '{hash_}'")
            await page.until(f"main.innerText.includes('{command}')")
            assert page.errors == []
            assert await page.overflow() <= 0
        await page.close()


async def test_the_list_tells_messages_retention_and_what_differs(browser: Browser) -> None:
    async with staged(browser, partitions=5) as stage:
        await play(stage.engine)
        page = await stage.open("#/topics")
        sent = len(stage.engine.messages("llm-requests"))
        first = "r.innerText.startsWith('llm-requests')"
        row = f"[...document.querySelectorAll('tbody tr')].find((r) => {first})"
        text = await page.evaluate(f"{row}.innerText.replace(/\\s+/g, ' ')")
        assert f" {sent} " in text
        assert "7 d" in text
        assert "differs" in text
        assert "partitions: 4, not 5" in text
        await page.close()


async def test_messages_are_paged_from_the_newest_and_back_by_addresses(full: Stage) -> None:
    sent = full.engine.messages("llm-requests")
    page = await full.open("#/topics/llm-requests")
    await page.until(f"{ROWS} === 50")
    first = await page.text("section[aria-label=Messages] tbody")
    newest = max(sent, key=lambda each: (each.timestamp, each.partition))
    assert f"{newest.partition}/{newest.offset}" in first.split("\n")[0]
    await _press(page, "Older")
    await page.until(f"{ROWS} === {len(sent) - 50}")
    assert "before=" in await page.evaluate("location.hash")
    await _press(page, "Newer")
    await page.until(f"{ROWS} === 50")
    assert await page.text("section[aria-label=Messages] tbody") == first
    again = await full.open(await page.evaluate("location.hash"))
    await again.until(f"{ROWS} === 50")
    assert page.errors == again.errors == []
    await page.close()
    await again.close()


async def test_what_comes_meanwhile_is_offered_and_the_list_stays(full: Stage) -> None:
    page = await full.open("#/topics/errors-quota")
    await settled(page)
    before = await page.evaluate(ROWS)
    await full.engine.send_raw("errors-quota", b"later", b"{}")
    button = "[...document.querySelectorAll('button')].find((b) => b.innerText === 'Show 1 newer')"
    await page.until(button)
    assert await page.evaluate(ROWS) == before
    await page.evaluate(f"{button}.click()")
    await page.until(f"{ROWS} === {before + 1}")
    assert "undecodable" in await page.text("tbody tr")
    await page.close()


async def test_a_search_by_form_finds_by_fields_and_by_key(full: Stage) -> None:
    page = await full.open("#/topics/llm-requests")
    await page.click("input[name=filter]")
    await page.write("question_text~star 1? && attempt=1")
    await page.press("Enter")
    await page.until("main.innerText.includes('all were looked at')")
    stars = [each for each in full.engine.messages("llm-requests") if b"star 1?" in each.value]
    assert await page.evaluate(ROWS) == len(stars) == 1
    assert await page.evaluate("progress = document.querySelector('progress').position") == 1
    key = full.ids["low_quality"]
    await page.evaluate(f"location.hash = '#/topics/llm-requests?key={key}'")
    await page.until(f"{ROWS} === 3")
    await page.evaluate("location.hash = '#/topics/llm-requests?filter=nonsense'")
    await page.until("main.innerText.includes('is no condition')")
    await page.close()


async def test_a_long_search_shows_how_far_it_is_and_stops_when_told(
    full: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.web.dashboard.messages.MOST_RECORDS", 3)
    page = await full.open("#/topics/llm-requests?filter=question_text~nowhere")
    await page.until("document.querySelector('progress')?.position > 0.02")
    assert "of" in await page.text(".searching")
    await _press(page, "Stop")
    await page.until("document.querySelector('.searching')?.innerText.includes(': stopped')")
    asked = len(page.requests)
    at = await page.evaluate("document.querySelector('progress').position")
    await asyncio.sleep(0.5)
    assert await page.evaluate("document.querySelector('progress').position") == at < 1
    assert not [each for each in page.requests[asked:] if "/messages" in each]
    monkeypatch.undo()
    await _press(page, "Go on")
    await page.until("main.innerText.includes('all were looked at')")
    assert page.errors == []
    await page.close()


async def test_a_message_is_shown_decoded_and_a_strange_one_byte_by_byte(full: Stage) -> None:
    page = await full.open("#/topics/llm-requests/0/0")
    assert '"type": "answerloop.LlmRequest"' in await page.text("pre.payload")
    link = await page.evaluate("document.querySelector('.summary a').hash")
    assert link.startswith("#/questions/")
    await page.evaluate(f"location.hash = '{pages(full)['no text']}'")
    await page.until("main.innerText.includes('Undecodable: ')")
    assert "000000  ff fe 00 3c 73 63" in await page.text("pre.dump")
    text = await page.text("section[aria-label=Headers]")
    assert "\\u202e" in text
    assert "00 ff (no text)" in text
    await page.close()


async def test_groups_tell_what_is_late_and_what_waits_by_design(full: Stage) -> None:
    group, topic = full.engine.app.conf.id, full.engine.names.questions_settled
    end = full.engine.log.end((topic, 1))
    page = await full.open("#/groups")
    figure = "document.querySelector('[data-figure={}]').innerText"
    assert await page.evaluate(figure.format("late")) == "0"
    assert await page.evaluate(figure.format("by-design")) == "14"
    assert end >= 2
    await full.engine.log.commit(group, {(topic, 1): end - 2})
    try:
        await page.until(f"{figure.format('late')} === '2'")
        await _press(page, "Partitions")
        at = f"a[href='#/topics/{topic}?partition=1&offset={end - 2}']"
        await page.until(f'document.querySelector("{at}")')
        await page.click(at)
        await page.until(f"{ROWS} === 2")
    finally:
        await full.engine.log.commit(group, {(topic, 1): end})
    assert page.errors == []
    await page.close()


async def test_a_questions_hops_lead_to_their_messages(full: Stage) -> None:
    page = await full.open(f"#/questions/{full.ids['low_quality']}")
    await _press(page, "Read the topics")
    hops = "document.querySelectorAll('section[aria-label=\"Through the topics\"] tbody tr')"
    await page.until(f"{hops}.length >= 10")
    table = await page.text("section[aria-label='Through the topics']")
    for words in ("call wanted", "by ask", "low_quality, final", "answered", "0.000"):
        assert words in table, words
    assert "Not asked" not in table
    await page.resize(360)
    assert await page.overflow() <= 0
    await page.evaluate(f"{hops}[1].querySelector('a').click()")
    await page.until("document.querySelector('pre.payload')")
    assert full.ids["low_quality"] in await page.text("pre.payload")
    assert page.errors == []
    await page.close()


async def _press(page: Page, words: str) -> None:
    ready = f"b.innerText === '{words}' && !b.disabled"
    button = f"[...document.querySelectorAll('button')].find((b) => {ready})"
    await page.until(button)
    await page.evaluate(f"{button}.click()")
