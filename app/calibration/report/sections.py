"""The tables and texts of the page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from app.calibration.calibrate import WORST, Calibration
from app.calibration.measure import QUANTILES, Passing, Scored, Separation
from app.calibration.pairs import Kind
from app.calibration.report.drawings import kind_words
from app.calibration.statistics import Rate
from app.charts.markup import Html, join, tag
from app.charts.numbers import percent, percents
from app.core.statistics import Interval

_DASH = "\N{EN DASH}"
_MOST_CHARACTERS = 600


def part(title: str, about: str, *parts: Html | None) -> Html:
    """Return a section of the page."""
    return tag("section", tag("h2", title), tag("p", about, class_="about"), *parts, class_="part")


def metrics_table(found: Calibration) -> Html:
    """Return what each metric is worth; the recommended one is marked."""
    bad = kind_words(found.negative)
    rows = []
    for each in found.metrics:
        best = each is found.recommended
        name = tag("b", f"{each.metric} (recommended)") if best else str(each.metric)
        rows.append([name, *_separation(each.whole)])
    return table(["metric", *_separation_heads(bad)], rows)


def languages_table(found: Calibration) -> Html | None:
    """Return the same figures by language, each with a threshold of its own."""
    best = found.recommended
    if not best.languages:
        return None
    bad = kind_words(found.negative)
    heads = ["language", "ROC area", "own threshold", "good pass", f"{bad} pass"]
    rows = []
    for language, each in best.languages.items():
        passing = best.passing_by_language[language]
        rates = [_score(passing.get(kind)) for kind in (Kind.GOOD, found.negative)]
        rows.append([language, *_separation(each)[:2], *map(rate_cell, rates)])
    return table(heads, rows)


def own_thresholds_table(found: Calibration) -> Html | None:
    """Return the thresholds that languages have in the profile, and what they are worth."""
    if not found.languages:
        return None
    heads = ["language", *_separation_heads(kind_words(found.negative))]
    every = found.recommended.languages
    return table(heads, [[code, *_separation(every[code])] for code in found.languages])


def kinds_table(found: Calibration) -> Html:
    """Return what the recommended gate passes of each kind, and what guards add."""
    rows = [
        [kind_words(kind), *(rate_cell(rate) for rate in (each.score, each.objected, each.both))]
        for kind, each in found.recommended.passing.items()
    ]
    return table(["pairs", "pass by score", "a guard objects", "pass both"], rows)


def quantiles_table(found: Calibration) -> Html:
    """Return quantiles of each metric and kind, folded away."""
    shares = [percent(share) for share in QUANTILES]
    rows = [
        [str(each.metric), kind_words(kind), *(f"{value:.3f}" for value in values)]
        for each in found.metrics
        for kind, values in each.quantiles.items()
    ]
    return tag(
        "details",
        tag("summary", "Quantiles of every metric"),
        table(["metric", "pairs", *shares], rows),
    )


def worst(title: str, found: Sequence[Scored], calibration: Calibration, none: str) -> Html:
    """Return pairs one by one, as text."""
    if not found:
        return join(tag("h3", title), tag("p", none, class_="empty"))
    shown = [_pair(each, calibration) for each in found]
    more = f" (the first {WORST})" if len(found) == WORST else ""
    return join(tag("h3", title + more), *shown)


def table(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> Html:
    """Return a table that scrolls on its own where the page is too narrow."""
    head = tag("tr", *(tag("th", each, scope="col") for each in heads))
    body = [
        tag("tr", tag("th", row[0], scope="row"), *(tag("td", cell) for cell in row[1:]))
        for row in rows
    ]
    return tag(
        "div", tag("table", tag("thead", head), tag("tbody", *body)), class_="scroll", tabindex="0"
    )


def rate_cell(rate: Rate | None) -> Html | str:
    """Return a share with its interval and counts."""
    if rate is None or rate.share is None or rate.interval is None:
        return _DASH
    low, high = rate.interval
    said = f"{percents(low, high)}; {rate.passed} of {rate.count}"
    return join(tag("span", percent(rate.share), class_="figure"), tag("small", said))


def _figure_cell(value: float | None, interval: Interval | None) -> Html | str:
    if value is None:
        return _DASH
    spread = f"{interval.low:.3f} to {interval.high:.3f}" if interval else "too few pairs"
    return join(tag("span", f"{value:.3f}", class_="figure"), tag("small", spread))


def _separation_heads(bad: str) -> list[str]:
    return ["ROC area", "threshold", "good pass, held out", f"{bad} pass, held out"]


def _separation(each: Separation) -> list[Html | str]:
    tried = each.tried
    return [
        _figure_cell(each.area, each.area_interval),
        _figure_cell(each.threshold, each.threshold_interval),
        rate_cell(tried.good if tried else None),
        rate_cell(tried.bad if tried else None),
    ]


def _score(passing: Passing | None) -> Rate | None:
    return None if passing is None else passing.score


def _pair(each: Scored, calibration: Calibration) -> Html:
    said = [
        tag("span", f"{calibration.metric} {each.value(calibration.metric):.3f}", class_="figure"),
        tag("span", f"line {each.pair.line}"),
        tag("span", kind_words(each.pair.kind)),
    ]
    if each.guard is not None:
        said.append(tag("span", f"guard {each.guard} objects"))
    texts = [
        ("question", each.pair.question),
        ("reference", each.pair.reference),
        ("answer", each.pair.candidate),
    ]
    rows = [join(tag("dt", name), tag("dd", _cut(value))) for name, value in texts if value.strip()]
    return tag("article", tag("p", *said, class_="facts"), tag("dl", *rows), class_="pair")


def _cut(text: str) -> str:
    plain = text.strip()
    if len(plain) <= _MOST_CHARACTERS:
        return plain
    return plain[:_MOST_CHARACTERS].rstrip() + "\N{HORIZONTAL ELLIPSIS}"
