"""The page of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from app.charts.markup import Html, tag
from app.charts.numbers import duration, percent, shown, words
from app.charts.page import page
from app.charts.sections import number_cell, number_head, plain_table, section
from app.charts.tiles import tile, tiles
from app.files.write import replacing
from app.load.plan import SHARES
from app.load.report.charts import draw_course, draw_percentiles

_LATENCIES = (
    ("accepted", "accept_seconds", "unanswered"),
    ("settled", "settle_seconds", "not ended"),
    ("sent (own lag)", "lag_seconds", ""),
)

#: Of the options that are numbers of something.
_UNITS = {"rate": "a second", "from_rate": "a second"} | dict.fromkeys(
    ("duration", "timeout", "drain"), "s"
)


def write_page(found: Mapping[str, Any], path: Path) -> None:
    """Write the page of a document of `app.load.document`, whole or not at all.

    Raises InputError.
    """
    with replacing(path) as file:
        file.write(render(found))


def render(found: Mapping[str, Any]) -> str:
    """Return the page; every text in it is shown as text."""
    style = resources.files(__package__).joinpath("style.css").read_text(encoding="utf-8")
    return page(
        f"Load: {_headline(found)}",
        style,
        _header(found),
        _notes(found["exceeded"], "exceeded"),
        _notes(found["findings"], "warnings"),
        _tiles(found),
        section(
            "Course",
            "",
            draw_course(found),
            empty="No request was due.",
            name="course",
        ),
        section(
            "Latency",
            "From the moment at which a request was due, not from when it went out. So a pause of"
            " the service counts for every request that was due in it.",
            _latencies(found),
            draw_percentiles(found),
            empty="No request was due.",
            name="latency",
        ),
        section("What came of it", "", _outcomes(found), empty="Nothing.", name="outcomes"),
        section("Set-up", "", _options(found), empty="Nothing.", name="options"),
        _footer(found),
    )


def _headline(found: Mapping[str, Any]) -> str:
    options = found["options"]
    rate = f" at {options['rate']:g}/s" if options.get("rate") is not None else ""
    due = shown(found["requests"]["due"])
    return f"{due} requests in {duration(found['seconds'])}, {options['arrivals']}{rate}"


def _header(found: Mapping[str, Any]) -> Html:
    said = [
        f"{found['started_at'][:16].replace('T', ' ')} UTC",
        *found["urls"],
        f"run {found['run']}",
    ]
    said += ["interrupted"] if found["interrupted"] else []
    said.append(f"answerloop {found['version']}")
    return tag(
        "header",
        tag("p", "answerloop load", class_="kind"),
        tag("h1", _headline(found)),
        tag("p", *(tag("span", each) for each in said), class_="facts"),
    )


def _notes(said: Sequence[str], style: str) -> Html | None:
    return tag("ul", *(tag("li", each) for each in said), class_=style) if said else None


def _tiles(found: Mapping[str, Any]) -> Html:
    requests, ends, rates = found["requests"], found["ends"], found["per_second"]
    due = max(1, requests["due"])
    bad = requests["errors"] + requests["unanswered"]
    each = [
        tile("due", requests["due"], f"{shown(rates['due'])} a second"),
        tile(
            "accepted", requests["accepted"], f"{percent(requests['accepted'] / due)} of those due"
        ),
        tile("refused", requests["refused"], "429 and 503: come back later"),
        tile("errors", bad, f"{percent(bad / due)} of those due", "bad" if bad else None),
        tile(
            "p99 until accepted", _p99(found["accept_seconds"], "unanswered"), _p50(found, "accept")
        ),
    ]
    if ends["followed"]:
        each.append(
            tile(
                "p99 until settled",
                _p99(found["settle_seconds"], "not ended"),
                _p50(found, "settle"),
            )
        )
        each.append(tile("settled", ends["settled"], f"{shown(rates['settled'])} a second"))
    lag = found["lag_seconds"]["p99"]
    each.append(
        tile("generator's lag, p99", duration(lag), f"{shown(requests['not_sent'])} not sent")
    )
    return tiles(*each)


def _p99(latency: Mapping[str, Any], missing: str) -> str:
    return _said(latency, "p99", missing)


def _p50(found: Mapping[str, Any], name: str) -> str:
    latency = found[f"{name}_seconds"]
    return f"median {_said(latency, 'p50', '-')}, longest {_said(latency, 'max', '-')}"


def _said(latency: Mapping[str, Any], name: str, missing: str) -> str:
    """Return a percentile; `missing` where it falls on what never ended."""
    value = latency[name]
    if value is None and latency["missing"]:
        return missing
    return duration(value)


def _latencies(found: Mapping[str, Any]) -> Html | None:
    rows = []
    for name, key, missing in _LATENCIES:
        latency = found[key]
        if latency["count"] + latency["missing"]:
            said = (_said(latency, share, missing) for share in (*SHARES, "max"))
            rows.append(
                (
                    tag("th", name, scope="row"),
                    number_cell(shown(latency["count"] + latency["missing"])),
                    *map(number_cell, said),
                )
            )
    heads = ("until", *map(number_head, ("requests", *SHARES, "longest")))
    return tag("div", plain_table(heads, rows, "latencies"), class_="scroll") if rows else None


def _outcomes(found: Mapping[str, Any]) -> Html:
    requests, ends = found["requests"], found["ends"]
    due = max(1, requests["due"])
    rows = [
        ("accepted", requests["accepted"]),
        *((f"refused: {name}", count) for name, count in found["refused"].items()),
        *((f"error: {name}", count) for name, count in found["errors"].items()),
        ("error: no answer in time", requests["unanswered"]),
        ("cut off by the interrupt", requests["cut"]),
        ("not sent", requests["not_sent"]),
    ]
    rows = [each for each in rows if each[1] or each[0] == "accepted"]
    states = [*found["states"].items(), ("not ended", ends["unsettled"])]
    states = [(words(name), count) for name, count in states if count]
    return tag(
        "div",
        _counts("requests", rows, due),
        _counts("ended", states, max(1, ends["followed"])) if states else None,
        class_="columns",
    )


def _counts(title: str, rows: Sequence[tuple[str, int]], whole: int) -> Html:
    cells = [
        (tag("th", name, scope="row"), number_cell(shown(n)), number_cell(percent(n / whole)))
        for name, n in rows
    ]
    return tag("div", plain_table((title, number_head("count"), number_head("share")), cells, ""))


def _options(found: Mapping[str, Any]) -> Html:
    given = {**found["options"], "pages read for ends": found["ends"]["pages_read"]}
    pairs = (
        tag("div", tag("dt", words(name)), tag("dd", _with_unit(name, value)))
        for name, value in given.items()
    )
    return tag("dl", *pairs, class_="pairs")


def _with_unit(name: str, value: Any) -> Any:
    if not isinstance(value, int | float) or name not in _UNITS:
        return value
    return f"{shown(value)} {_UNITS[name]}"


def _footer(found: Mapping[str, Any]) -> Html:
    said = (
        "Requests go when they are due, whatever becomes of those before them. Those that were"
        " never answered, sent or ended count as longer than all others: a percentile that falls"
        " on them is none.",
        f"A point of the course is {shown(found['window_seconds'])} s. Percentiles are within"
        " 0.5 % of the latencies measured.",
    )
    return tag("footer", *(tag("p", each) for each in said))
