"""The report of a chaos run: everything is on the page, nothing on it can run or load."""

from __future__ import annotations

import html
import io
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from app.chaos.report import render
from app.chaos.report.text import print_results
from app.charts.numbers import shown
from tests.chaos import report_samples as samples

VOID = {"meta", "br", "hr", "img", "link", "input"}


class Page(HTMLParser):
    """Reads a page as a strict outline: elements, texts, attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == [], "every element is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"{tag} closes another element"

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.texts.append(data)

    def names(self) -> list[str]:
        return [name for name, _ in self.elements]

    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


def page_of(*runs: samples.Run) -> Page:
    return Page(render(samples.results(*runs)))


def page_source(*runs: samples.Run) -> str:
    return render(samples.results(*runs))


def test_the_page_says_all_that_the_results_say() -> None:
    run = samples.passed()
    text = page_of(run).text()
    wanted = [run[key] for key in ("scenario", "about", "promise")]
    for check in run["checks"]:
        wanted += [check["name"], check["limit"], check["measured"]]
    wanted += [shown(value) for value in run["audit"].values()]
    wanted += [shown(value) for value in run["figures"].values()]
    wanted += [*run["settings"], *map(str, run["settings"].values()), *run["notes"]]
    wanted += [fault["name"] for fault in run["faults"]]
    wanted += ["0.1.0", "2 CPUs", "23.4 GiB", "Python 3.11.9", "Kafka 3.9.1"]
    wanted += ["answerloop chaos run all --report report.html", "2 min 41 s"]
    plain = " ".join(text.split())
    missing = [each for each in wanted if " ".join(str(each).split()) not in plain]
    assert missing == []


def test_the_conservation_equation_is_written_out() -> None:
    text = page_of(samples.passed(seconds=600)).text()
    equation = "9 600 accepted = 9 539 validated + 20 low quality + 10 unscored + 31 dead"
    assert f"{equation} + 0 pending + 0 lost" in text
    assert "does not add up" not in text
    assert "It does not add up: the difference is 2." in page_of(samples.failed()).text()


@pytest.mark.parametrize(
    ("runs", "headline"),
    [
        ([], "No scenario ran"),
        ([samples.passed()], "The scenario passed"),
        ([samples.passed(), samples.passed(), samples.skipped()], "All 2 scenarios passed, 1 sk"),
        ([samples.passed(), samples.failed(), samples.crashed()], "2 of 3 scenarios did not pass"),
        ([samples.failed()], "The scenario did not pass"),
        ([samples.skipped()], "The scenario was skipped"),
        ([samples.passed() | {"verdict": "fine"}], "The scenario did not pass"),
    ],
)
def test_the_headline_is_the_verdict(runs: list[samples.Run], headline: str) -> None:
    page = render(samples.results(*runs))
    assert headline in Page(page).text()
    good = "passed" in headline
    assert (f'<h1 class="{"good" if good else "bad"}">' in page) is True


def test_a_scenario_is_a_row_that_leads_to_its_section() -> None:
    page = Page(render(samples.fifteen()))
    targets = [a["href"] for name, a in page.elements if name == "a"]
    ids = [a["id"] for name, a in page.elements if name == "section" and "id" in a]
    assert targets == [f"#{each}" for each in ids]
    assert len(ids) == 15


def test_checks_that_failed_come_first() -> None:
    run = samples.passed()
    run["checks"][2] |= {"passed": False, "measured": "999"}
    rows = re.findall(r'<tr class="(passed|failed)"><th scope="row">([^<]+)', page_source(run))
    names = [name for _, name in rows]
    assert names[0] == "repeated model calls"
    assert names[1:] == ["lost questions", "duplicate rows", "working again"]


def test_a_chart_has_axes_lines_and_a_band_for_each_fault() -> None:
    page = render(samples.results(samples.passed(kills=4)))
    charts = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    assert len(charts) == 2, "one for wide pages, one for narrow ones"
    for chart in charts:
        assert chart.count('class="band"') == 4
        assert all(f'class="line {line}"' in chart for line in ("pending", "p50", "p99", "calls"))
        texts = [html.unescape(each) for each in re.findall(r"<text[^>]*>(.*?)</text>", chart)]
        assert {"Questions pending", "Seconds from accepted to ended", "0", "30"} <= set(texts)
        assert "time of the run, s" in texts or "time of the run, min" in texts
        width, height = re.findall(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', chart)[0]
        for places, end in ((r" (?:x|x1|x2|cx)=", width), (r" (?:y|y1|y2|cy)=", height)):
            found = [float(n) for n in re.findall(f'{places}"([^"]*)"', chart)]
            assert found
            assert all(0 <= n <= float(end) for n in found)


@pytest.mark.parametrize(
    "timeline",
    [
        None,
        {},
        {"t": []},
        {"t": [0], "pending": [1]},
        {"t": [0, 1], "pending": []},
        {"t": [0, 1, 2], "pending": [None, None, None], "latency_p50": [0, 0, 0]},
        {"t": [0, 1, 2], "pending": [1]},
        {"t": [float("nan"), 1, "x", None], "pending": [1, 2, 3, 4]},
        {"t": [5, 5], "pending": [0, 0], "latency_p99": [1e9, 1e-9]},
        {"t": [0, 1e9], "pending": [1e18, 2e18]},
    ],
)
def test_a_timeline_may_be_missing_or_odd(timeline: Any) -> None:
    page = page_of(samples.passed() | {"timeline": timeline})
    assert "kill-workers" in page.text()
    assert "SIGKILL worker-1" in page.text(), "the table of faults stays"


@pytest.mark.parametrize("key", sorted(samples.passed()))
def test_any_part_of_a_run_may_be_missing(key: str) -> None:
    run = samples.passed()
    del run[key]
    assert "Scenarios" in page_of(run).text()
    assert "Scenarios" in page_of(run | {key: None}).text()


def test_results_without_anything_are_a_page() -> None:
    assert "No scenario ran" in Page(render({})).text()


def test_the_page_loads_nothing_and_has_no_script() -> None:
    page = Page(render(samples.fifteen()))
    assert set(page.names()) & {"script", "link", "iframe", "img", "object", "embed"} == set()
    attributes = [(name, key) for name, found in page.elements for key in found]
    assert [key for _, key in attributes if key in ("src", "srcset", "style")] == []
    assert [key for _, key in attributes if key.startswith("on")] == []
    links = [found["href"] or "" for _, found in page.elements if "href" in found]
    assert all(re.fullmatch(r"#run-\d+", link) for link in links)
    style = render({}).partition("<style>")[2].partition("</style>")[0]
    assert "url(" not in style
    assert "@import" not in style


def test_hostile_texts_are_texts() -> None:
    page = Page(render(samples.hostile()))
    harmless = Page(render(samples.fifteen()))
    assert set(page.names()) <= set(harmless.names())
    keys = {key for _, found in page.elements for key in found}
    assert keys <= {key for _, found in harmless.elements for key in found}
    text = page.text()
    for bad in samples.HOSTILE[:10]:
        assert bad in text
    assert re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202e\u2028]", text) is None


@pytest.fixture
def chromium() -> str:
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("chrome")
    if found is None:
        pytest.skip("no Chromium is installed")
    return found


def in_browser(chromium: str, file: Path, profile: Path) -> str:
    """Return a page's document after its scripts, if any, have run."""
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"]
    options += ["--disable-background-networking", "--disable-component-update", "--dump-dom"]
    found = subprocess.run(
        [chromium, *options, f"--user-data-dir={profile}", file.as_uri()],
        capture_output=True,
        timeout=60,
        check=True,
        stdin=subprocess.DEVNULL,
    )
    return found.stdout.decode()


def test_h4_no_script_runs_in_a_browser(chromium: str, tmp_path: Path) -> None:
    bait = "<title>not run</title><svg onload=\"document.title='ran'\"></svg>"
    (tmp_path / "bait.html").write_text(bait)
    shown_there = in_browser(chromium, tmp_path / "bait.html", tmp_path / "profile")
    assert "<title>ran</title>" in shown_there, "the browser runs scripts at all"
    without_policy = re.sub(r"<meta http-equiv[^>]*>", "", render(samples.hostile()))
    (tmp_path / "report.html").write_text(without_policy, encoding="utf-8")
    document = in_browser(chromium, tmp_path / "report.html", tmp_path / "profile")
    assert "<title>Chaos report: 14 of 14 scenarios did not pass</title>" in document
    assert document.count("<script") == 0


def printed(results: dict[str, Any]) -> str:
    out = io.StringIO()
    print_results(results, Console(file=out, width=200, no_color=True))
    return out.getvalue()


def test_the_terminal_shows_a_row_for_each_run_and_what_failed() -> None:
    text = printed(samples.fifteen())
    assert text.count("✓ passed") == 12
    assert "✕ failed" in text
    assert "lost questions: 3, limit 0" in text
    assert "rolling-restart: OSError: [Errno 98] address already in use" in text
    assert "2 of 14 scenarios did not pass, 1 skipped: 70 400 questions accepted, 3 lost" in (
        text.replace("\N{NARROW NO-BREAK SPACE}", " ")
    )


def test_the_terminal_gets_no_control_characters_and_no_markup() -> None:
    text = printed(samples.hostile())
    assert re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202e]", text) is None
    run = samples.passed("[red]name[/red]") | {"reason": "[bold]why"}
    assert "[red]name[/red]: [bold]why" in printed(samples.results(run))
    assert "No scenario ran" in printed({})
