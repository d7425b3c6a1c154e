"""The page of a run: every figure of the document, no text that runs, whole at any width."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from app.errors import InputError
from app.load.arrivals import constant, due_times, until
from app.load.document import document
from app.load.outcome import Kind, Outcome
from app.load.plan import Limits, Plan
from app.load.playing import Played
from app.load.report import render, write_page
from app.load.results import Results
from app.load.target import Ready
from tests.browser import browsing
from tests.flow.simulated_time import run_simulated
from tests.load.scripted import Plain, Scripted, make_generator, stalling

HOSTILE = "<img src=x onerror=document.title='hacked'>"


async def played(rate: float = 50.0, seconds: float = 20.0, most: int = 500) -> Played:
    results = Results()
    generator = make_generator(Scripted(stalling(5.0, 7.0)), results, most)
    await generator.run(until(due_times(constant(rate)), seconds, None), asyncio.Event())
    options = {"traffic": "questions", "arrivals": "constant", "rate": rate, "questions": HOSTILE}
    plan = Plan("run-1", [f"http://{HOSTILE}"], Plain(), lambda: iter(()), options)
    results.end_seconds = generator.now()
    for n in range(100):
        results.followed += 1
        results.settles(n / 10, n / 10 + 1.5, "low_quality" if n % 3 else "validated")
    ready = [Ready(f"http://{HOSTILE}", 503, HOSTILE)]
    return Played(plan, results, 1_800_000_000.0, ready)


def made(limits: Limits | None = None, **options: Any) -> dict[str, Any]:
    return document(run_simulated(played(**options)), limits or Limits())


def test_the_document_is_json_that_says_everything() -> None:
    found = made(Limits(accept_p99=1.0, errors=0.0), most=40)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    requests = found["requests"]
    assert requests["due"] == 1_000
    assert requests["due"] == requests["sent"] + requests["not_sent"]
    assert requests["sent"] == requests["accepted"]
    assert found["accept_seconds"]["p50"] == pytest.approx(0.001, rel=0.01)
    assert found["accept_seconds"]["p99"] is None  # it falls on requests that were not sent
    assert found["accept_seconds"]["missing"] == requests["not_sent"] > 0
    assert sum(each["due"] for each in found["windows"]) == 1_000
    assert len(found["exceeded"]) == 2
    assert any("--in-flight" in said for said in found["findings"])


def test_the_page_holds_the_figures_and_no_markup_of_others() -> None:
    found = made(Limits(accept_p99=1.0))
    source = render(found)
    assert "<img" not in source
    assert "&lt;img" in source
    assert "p99 of accepted" in source
    for words in ("low quality", "1\N{NARROW NO-BREAK SPACE}000 requests", "99.9", "not ready"):
        assert words in source
    assert source.count("<svg") == 4  # course and percentiles, each wide and narrow
    assert "http://127" not in source  # it loads nothing


def test_options_have_their_units_and_the_start_its_clock() -> None:
    found = made(rate=50.0)
    found["options"] |= {"duration": 20, "timeout": 30.0, "drain": 60, "seed": 7}
    page = render(found)
    for name, value in {
        "rate": "50 a second",
        "duration": "20 s",
        "timeout": "30 s",
        "drain": "60 s",
        "seed": "7",
    }.items():
        assert f"<dt>{name}</dt><dd>{value}</dd>" in page
    assert "2027-01-15 08:00 UTC" in page


def test_a_run_in_which_nothing_was_due_has_a_page() -> None:
    source = render(made(seconds=0.0))
    assert "0 requests" in source


def test_a_run_that_was_only_refused_has_a_page() -> None:
    async def refused() -> Played:
        outcome = Outcome(Kind.REFUSED, "503 backlog_full", retry_after=2.0)
        results = Results()
        generator = make_generator(Scripted(lambda _: 0.1, outcome), results)
        await generator.run(until(due_times(constant(5.0)), 4.0, None), asyncio.Event())
        return Played(Plan("r", ["u"], Plain(), lambda: iter(()), {"arrivals": "x"}), results)

    source = render(document(run_simulated(refused()), Limits()))
    assert "refused: 503 backlog_full" in source
    assert "20 requests (100 %) were refused, to come back after 2 s" in source


def test_the_page_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    file = tmp_path / "load.html"
    write_page(made(), file)
    assert file.read_text(encoding="utf-8").endswith("</html>\n")
    with pytest.raises(InputError):
        write_page(made(), tmp_path / "none" / "load.html")


async def test_it_fits_a_wide_and_a_narrow_screen(tmp_path: Path) -> None:
    file = tmp_path / "load.html"
    file.write_text(await asyncio.to_thread(render, document(await in_thread(), Limits())))
    async with browsing() as browser:
        for width, dark in ((1280, False), (360, True)):
            page = await browser.open(file.as_uri(), width=width, dark=dark)
            assert await page.overflow() <= 0
            assert page.errors == []
            title = await page.evaluate("document.title")
            assert title.startswith("Load: ")


async def in_thread() -> Played:
    return await asyncio.to_thread(lambda: run_simulated(played()))
