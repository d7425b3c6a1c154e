"""The page: all figures on it, readable without script, and hostile texts are texts."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from app.charts.numbers import THIN
from app.quality_report.page import About
from app.quality_report.prices import read_prices
from app.quality_report.table import MOST_CHARACTERS, PAGE_ROWS, Card, Chosen, TableRow, cut
from tests.quality_report.samples import (
    HOSTILE,
    hostile_results,
    page_of,
    random_results,
    result,
)


class Page(HTMLParser):
    """Elements and text of a page, scripts apart."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self._texts: list[str] = []
        self._inside = ""
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._inside = tag
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            self.scripts[-1] += data
        else:
            self._texts.append(data)

    @property
    def text(self) -> str:
        return "\n".join(self._texts).replace(THIN, " ")

    @property
    def data(self) -> Any:
        return json.loads(self.scripts[0])


def test_the_page_says_what_the_figures_are() -> None:
    page = Page(page_of(random_results(400)))
    for title in ("Scores", "What asking again gained", "By group", "Time", "Models and cost"):
        assert title in page.text
    assert re.search(r"\d+ of \d+ questions validated", page.text)
    assert "threshold 0.5" in page.text
    assert "hard" in page.text
    assert "Where the model is weak" in page.text
    assert "Fisher's exact test" in page.text
    assert len(page.data["rows"]) == 400
    shown = [each for each in page.elements if each[1].get("class") == "more"]
    assert len(shown) == PAGE_ROWS, "without script the first rows are there"


def test_nothing_is_loaded_and_only_the_page_s_own_script_may_run() -> None:
    source = page_of(random_results(30))
    page = Page(source)
    assert not [key for _, found in page.elements for key in found if key.startswith("on")]
    assert not [found for _, found in page.elements if found.get("src") or found.get("href")]
    (policy,) = (found["content"] for _, found in page.elements if found.get("http-equiv"))
    digest = base64.b64encode(hashlib.sha256(page.scripts[1].encode()).digest()).decode()
    assert policy is not None
    assert f"script-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(", page.scripts[1]
    )


def test_hostile_texts_are_texts_in_every_place() -> None:
    page = Page(page_of(hostile_results()))
    plain = Page(page_of(random_results(400)))
    assert {name for name, _ in page.elements} <= {name for name, _ in plain.elements} | {
        "li",
        "ul",
    }
    assert len(page.scripts) == 2
    assert page.scripts[1] == plain.scripts[1]
    cards = [card for row in page.data["rows"] for card in row["k"]]
    for bad in HOSTILE:
        assert cut(bad) in page.text
        assert cut(bad) in {card["t"] for card in cards}
    everything = page.text + page.scripts[0]
    assert (
        re.search("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2028\u2029\u2066-\u2069]", everything)
        is None
    )


@pytest.mark.parametrize(
    ("results", "said"),
    [
        ([], ("No question fits", "No answer has a score.", "The rows do not tell")),
        ([result(n, "dead") for n in range(9)], ("0 of 9 questions validated", "unauthorized")),
        ([result(n, "unscored") for n in range(9)], ("9 questions, none with a reference",)),
        ([result(1, "asking")], ("1 question had not ended",)),
    ],
)
def test_pages_of_little(results: list[dict[str, Any]], said: tuple[str, ...]) -> None:
    text = Page(page_of(results)).text
    for each in said:
        assert each in text
    assert "nan" not in text.lower().split()


def test_a_large_run_keeps_what_did_not_pass_and_says_so() -> None:
    chosen = Chosen(most_rows=10)
    for n in range(1_000):
        chosen.add(100.0 + (n % 100 == 7), TableRow((f"state {n}",), ()))
    assert [json.loads(row)["c"][0] for row in chosen.rows()] == [
        f"state {n}" for n in range(7, 1_000, 100)
    ]
    assert chosen.seen == 1_000
    small = Chosen(most_bytes=3_000)
    for n in range(50):
        small.add(float(n), TableRow((str(n),), [Card("t", "x" * 900)]))
    kept = small.rows()
    assert [json.loads(row)["c"][0] for row in kept] == ["47", "48", "49"]
    assert sum(map(len, kept)) <= 3_000
    assert [json.loads(row)["c"][0] for row in small.rows(urgent_first=True)] == ["49", "48", "47"]


def test_long_texts_are_cut_and_say_how_much() -> None:
    said = cut("x" * (MOST_CHARACTERS + 2_000)).replace(THIN, " ")
    assert said.endswith("… (2 000 more characters)")
    assert len(page_of([result(1, "validated", 0.9, answer="é" * 1_000_000)])) < 100_000


def test_cost_with_prices() -> None:
    results = [result(n, "validated", 0.9) for n in range(5)]
    about = About(0.0, "x", prices=read_prices(["m=1:20000"]))
    assert "1.00" in Page(page_of(results, about)).text, "5 answers of 10 tokens at 0.02 each"
    assert "no price was given" in Page(page_of(results)).text
