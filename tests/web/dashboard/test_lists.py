"""Lists in a real Chromium: calm while somebody is at them, in the order that is wanted, paged."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.browser import Browser, Page, browsing
from tests.flow.engine import question
from tests.web.dashboard.stage import Stage, drawn, play, staged

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]

ROWS = "document.querySelectorAll('main .calm tbody tr').length"
FIRST = "document.querySelector('.calm tbody tr a').innerText"
OFFER = "document.querySelector('.meanwhile').innerText"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with browsing() as found:
        yield found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def full(browser: Browser) -> AsyncIterator[Stage]:
    async with staged(browser) as stage:
        stage.ids = await play(stage.engine, more=60)
        yield stage


async def answered(stage: Stage, text: str) -> None:
    one = question(f"{text} Say yes.", "yes.")
    await stage.engine.submit(one)
    await stage.engine.finals(one)


async def press(page: Page, name: str, inside: str = "main") -> None:
    """Click the button that begins with a word."""
    found = (
        f"[...document.querySelectorAll('{inside} button')]"
        f".find((each) => each.innerText.startsWith({json.dumps(name)}))"
    )
    await page.until(found)
    await page.evaluate(f"{found}.click()")


async def test_a_list_stays_while_somebody_points_at_it_and_goes_on_after(full: Stage) -> None:
    page = await full.open("#/questions")
    first = await page.evaluate(FIRST)
    await page.hover(".calm tbody tr a")
    await answered(full, "¿Quién llegó mientras tanto?")
    await page.until(f"{OFFER} === 'Show 1 newer'")
    assert await page.evaluate(FIRST) == first, "nothing moved under the pointer"

    await page.click(".meanwhile")
    await page.until(f"{FIRST}.startsWith('¿Quién llegó')")
    assert await page.evaluate(OFFER) == "No newer ones"

    await answered(full, "And who came at last?")
    await page.until(f"{FIRST}.startsWith('And who')")
    assert page.errors == []
    await page.close()


async def test_a_list_of_other_filters_is_shown_at_once_wherever_the_pointer_is(
    full: Stage,
) -> None:
    page = await full.open("#/questions")
    await page.hover(".calm tbody tr a")
    await page.evaluate("location.hash = '#/questions?status=dead'")
    await page.until(f"{ROWS} === 3")
    assert await page.evaluate(OFFER) == "No newer ones"
    await page.close()


async def test_a_retry_that_was_made_meanwhile_keeps_its_row_and_loses_its_button(
    full: Stage,
) -> None:
    page = await full.open("#/retries")
    await page.hover(".calm tbody tr .act button")
    first = await page.evaluate("document.querySelector('.calm tbody a').hash.split('/').pop()")
    body = {"question_ids": [first], "dry_run": False}
    status, _ = await full.api.call("POST", "/retries/release", json=body)
    assert status == 200
    await page.until("document.querySelector('.calm tbody .act button').disabled")
    assert await page.evaluate(ROWS) == 14, "the row below did not move up to the pointer"
    assert "no longer" in await page.text(".calm tbody tr")
    await page.hover("h1")
    await page.until(f"{ROWS} === 13")
    await page.close()


async def test_pages_lead_forward_and_back_and_tell_their_number(full: Stage) -> None:
    page = await full.open("#/questions")
    await page.until(f"{ROWS} === 50")
    first = await page.evaluate(FIRST)
    rest = sum((await full.engine.ports.store.counts()).values()) - 50
    await press(page, "Next page")
    await page.until(f"{ROWS} === {rest}")
    assert "Page 2" in await page.text(".pager")
    second = await page.evaluate("location.hash")
    await press(page, "Previous page")
    await page.until(f"{ROWS} === 50")
    assert await page.evaluate(FIRST) == first
    assert await page.evaluate("location.hash") == "#/questions"

    straight = await full.open(second)
    await straight.until(f"{ROWS} === {rest}")
    disabled = "[...document.querySelectorAll('.pager button')].map((each) => each.disabled)"
    assert await straight.evaluate(disabled) == [False, True, True], "the way back is not known"
    assert "Page" not in (await straight.text(".pager")).replace("page", "")
    await page.close()
    await straight.close()


async def test_a_whole_table_is_put_in_order_by_its_heads_and_what_has_no_value_is_last(
    full: Stage,
) -> None:
    page = await full.open("#/topics")
    column = "[...document.querySelectorAll('tbody tr')].map((row) => row.children[{}].innerText)"
    given = await page.evaluate(column.format(0))

    async def order() -> list[float]:
        shown = await page.evaluate(column.format(1))
        return [float(each.replace(",", "").strip("≤ ")) for each in shown if each != "–"]

    await press(page, "Messages", "thead")
    await page.until("document.querySelector('[aria-sort=descending]')")
    found = await order()
    assert found == sorted(found, reverse=True)
    assert found[0] > found[-1]
    await page.evaluate("document.querySelector('[aria-sort] button').focus()")
    await page.press("Enter")
    await page.until("document.querySelector('[aria-sort=ascending]')")
    assert await order() == sorted(found)
    await press(page, "Newest", "thead")
    for _ in range(2):
        shown = await page.evaluate(column.format(5))
        none = [each == "–" for each in shown]
        assert none == sorted(none), shown
        await press(page, "Newest", "thead")
    assert await page.evaluate("document.querySelector('[aria-sort]')") is None
    assert await page.evaluate(column.format(0)) == given, "the third time: as it was"
    await page.close()


async def test_a_setting_is_found_by_its_name_or_its_meaning(full: Stage) -> None:
    page = await full.open("#/system")
    await press(page, "All", "[aria-label=Settings]")
    rows = "document.querySelectorAll('.scroll[aria-label=Settings] tbody tr').length"
    assert await page.until(rows) > 50
    await page.evaluate("document.querySelector('[aria-label=Settings] input').focus()")
    await page.write("breaker")
    await page.until(f"{rows} > 0 && {rows} < 20")
    await page.write(" nowhere at all")
    await page.until("main.innerText.includes('No setting holds this text.')")
    await page.close()


async def test_the_clock_of_the_times_is_told(full: Stage) -> None:
    page = await full.browser.open()
    await page.call("Emulation.setTimezoneOverride", timezoneId="America/Bogota")
    await page.go(f"{full.url}/#/questions/{full.ids['low_quality']}")
    await drawn(page)
    assert await page.text(".zone") == "Times: UTC\u221205:00"
    await page.until("document.querySelector('.summary')")
    assert "UTC\u221205:00" in await page.text(".summary")
    await page.evaluate("location.hash = '#/topics/llm-requests'")
    await page.until("document.querySelector('[aria-label^=\"Messages, n\"] thead')")
    assert "Time, UTC\u221205:00" in await page.text('[aria-label^="Messages, n"] thead')
    await page.close()


async def test_a_dead_letter_leads_to_its_message_and_its_question(full: Stage) -> None:
    page = await full.open("#/letters")
    await page.click(".calm tbody a")
    await page.until("document.querySelector('.summary a')")
    links: Any = await page.evaluate(
        "[...document.querySelectorAll('.summary a')].map((each) => each.hash)"
    )
    assert [each.split("/")[1] for each in links] == ["topics", "questions"]
    await page.evaluate(f"location.hash = {json.dumps(links[0])}")
    await page.until("document.querySelector('.payload')?.innerText.includes('Who holds key')")
    assert page.errors == []
    await page.close()


async def test_on_a_narrow_screen_the_shell_leaves_the_page_its_place(full: Stage) -> None:
    page = await full.open("#/system", width=360)
    assert await page.evaluate("document.querySelector('header').offsetHeight") < 110
    inside = (
        "(() => { const at = document.querySelector('nav [aria-current]').getBoundingClientRect();"
        "return at.left >= 0 && at.right <= innerWidth; })()"
    )
    assert await page.evaluate(inside), "the page's own name is to be seen"
    seen = "document.querySelector('.theme').getClientRects().length"
    assert await page.evaluate(seen) == 0
    await page.click(".unfold")
    await page.until(f"{seen} > 0")
    assert await page.overflow() <= 0
    await page.close()


async def test_text_that_turns_the_writing_round_reads_as_it_is_written(full: Stage) -> None:
    one = question("Pay \u202eSOLRAC\u202c or ¿Ana? Say no.", "no.")
    await full.engine.submit(one)
    await full.engine.finals(one)
    page = await full.open("#/questions")
    await page.until(f"{FIRST}.startsWith('Pay')")
    assert await page.evaluate(FIRST) == "Pay \\u202eSOLRAC\\u202c or ¿Ana? Say no."
    await page.evaluate(f"location.hash = '#/questions/{one.question_id}'")
    await page.until("document.querySelector('h1.question')?.innerText.startsWith('Pay')")
    await page.until("document.querySelector('article')")
    assert "\u202e" not in await page.text("#app")
    await page.close()


async def test_retries_that_are_late_have_their_column(full: Stage) -> None:
    page = await full.open("#/retries")
    bars = "document.querySelectorAll('.bars .bar').length"
    before = await page.evaluate(bars)
    assert await page.evaluate("document.querySelector('.bars .late')") is None
    store: Any = type(full.engine.ports.store)
    count = store.due_counts

    async def late(self: Any, edges: Any, cause: Any) -> Any:
        return [9, *(await count(self, edges, cause))[1:]]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "due_counts", late)
        await page.until("document.querySelector('.bars .late')")
        assert await page.evaluate(bars) == before + 1
        assert "late" in await page.text(".bars")
    await page.close()


async def test_a_topic_can_be_searched_by_fields_on_a_narrow_screen_too(full: Stage) -> None:
    page = await full.open("#/topics/llm-requests", width=360)
    await page.until("document.querySelector('input[name=filter]')")
    for name in ("partition", "key", "filter", "bad"):
        shown = f"document.querySelector('[name={name}]').getClientRects().length"
        assert await page.evaluate(shown) == 1, name
    await page.evaluate("location.hash = '#/topics'")
    await page.until("document.querySelector('tbody small')")
    cut = (
        "[...document.querySelectorAll('tbody small')].filter((each) => "
        "each.scrollWidth > each.clientWidth + 1 || each.getBoundingClientRect().right > innerWidth"
        ").map((each) => each.innerText)"
    )
    assert await page.evaluate(cut) == []
    await page.close()
