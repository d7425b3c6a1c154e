"""The page: whole, standalone, and safe whatever the pairs hold."""

from __future__ import annotations

import re

from app.calibration.pairs import Kind
from app.calibration.report import render
from app.charts.plots import SHARES, Curve, Mark, draw_plot
from app.core.gate import Score
from tests.calibration.known import apart, calibration, pair, scored

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>&amp;\x00\u202e</article>"


def test_the_page_tells_the_figures_and_needs_nothing_from_elsewhere() -> None:
    found = calibration([*apart(), *scored(Kind.NEGATED, [0.9] * 5, guard="negation")])
    page = render(found)
    assert f"{found.metric} \u2265 {found.threshold:g}" in page
    for words in ("unrelated: 400", "negated: 5", "ROC", "held out", "Guards in force"):
        assert words in page
    assert page.count("<svg") == 6  # three drawings, each for wide and for narrow pages
    assert not re.search(r"(?:src|href)=|https?:|<script|@import|url\(", page)


def test_hostile_texts_stay_texts_wherever_they_stand() -> None:
    hostile = [
        each._replace(
            pair=pair(
                each.pair.kind,
                each.pair.source,
                candidate=HOSTILE,
                reference=HOSTILE,
                question=HOSTILE,
                language=HOSTILE,
            ),
            guard=each.guard,
        )
        for each in [
            *scored(Kind.GOOD, [0.1] * 3),
            *scored(Kind.UNRELATED, [0.99] * 3),
            *scored(Kind.NEGATED, [0.99] * 3),
        ]
    ]
    page = render(calibration([*apart(), *hostile], name=HOSTILE))
    assert page.count("&lt;script&gt;alert(1)") >= 10
    assert "<script" not in page
    assert "<img" not in page
    assert "\x00" not in page
    assert "\u202e" not in page


def test_pairs_to_look_at_are_there_as_text_and_long_ones_are_cut() -> None:
    odd = [
        each._replace(pair=pair(Kind.GOOD, 3, candidate="word " * 500))
        for each in scored(Kind.GOOD, [0.05])
    ]
    page = render(calibration([*apart(), *odd]))
    assert "Good answers that fail" in page
    assert "\N{HORIZONTAL ELLIPSIS}" in page
    assert "word " * 150 not in page


def test_rescaled_scores_below_nothing_have_a_place() -> None:
    low = [each._replace(score=Score(-0.9, -0.7, -0.8)) for each in scored(Kind.UNRELATED, [0] * 9)]
    page = render(calibration([*apart(), *low]))
    assert ">-0.8<" in page


def test_without_a_half_to_try_it_on_the_page_says_so() -> None:
    pairs = [each._replace(pair=pair(each.pair.kind, each.pair.source, half=0)) for each in apart()]
    page = render(calibration(pairs))
    assert "nothing held out" in page
    assert "nothing could be held out" in page


def test_a_marks_text_begins_after_the_title_on_its_line() -> None:
    title, marked = "good pairs that pass", "asked for: 1 %"
    for width, at in ((460.0, 0.2), (460.0, 0.55), (1000.0, 0.1), (1000.0, 0.9)):
        drawn = draw_plot(
            [Curve("f1", [])],
            (SHARES, SHARES),
            (width, 200.0),
            "",
            ("x", title),
            [Mark(at, marked)],
        )
        found = re.search(rf'<text x="([\d.]+)"[^>]*?(text-anchor="end")?[^>]*>{marked}', drawn)
        assert found is not None
        left = float(found[1]) - (7 * len(marked) if found[2] else 0)
        assert left > 52 + 7 * len(title), (width, at)
        assert left + 7 * len(marked) <= width
