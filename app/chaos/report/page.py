"""The whole page of a chaos run."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from typing import Any

from app.chaos.report.section import section
from app.chaos.report.summary import scenario_table, tiles
from app.chaos.report.totals import Totals, totals_of
from app.charts.markup import Html, join, tag
from app.charts.numbers import duration, moment, shown, words
from app.charts.page import page


def render(results: Mapping[str, Any]) -> str:
    """Return the report of a chaos run as an HTML page; texts in `results` are shown as text."""
    runs = [run for run in results.get("runs") or [] if isinstance(run, Mapping)]
    totals = totals_of(runs)
    style = resources.files(__package__).joinpath("style.css").read_text(encoding="utf-8")
    return page(
        f"Chaos report: {totals.headline}",
        style,
        _header(results, totals),
        tiles(totals),
        scenario_table(runs),
        *(section(run, place) for place, run in enumerate(runs, 1)),
        _footer(results),
    )


def _header(results: Mapping[str, Any], totals: Totals) -> Html:
    machine = results.get("machine")
    facts = machine if isinstance(machine, Mapping) else {}
    said = [
        moment(results.get("started_at")),
        f"took {duration(totals.seconds)}",
        f"answerloop {results.get('answerloop') or '?'}",
        *_machine(facts),
    ]
    return tag(
        "header",
        tag("p", "answerloop chaos report", class_="kind"),
        tag("h1", totals.headline, class_="good" if totals.good else "bad"),
        tag("p", *(tag("span", each) for each in said), class_="facts"),
    )


def _machine(facts: Mapping[str, Any]) -> list[str]:
    """Return the machine's facts in words; those that are not known by name as they are."""
    known = {
        "cpus": lambda value: f"{shown(value)} CPUs",
        "memory_gib": lambda value: f"{shown(value)} GiB",
        "python": lambda value: _named("Python", shown(value)),
        "kafka": lambda value: _named("Kafka", shown(value)),
    }
    said = [known[name](facts[name]) for name in known if facts.get(name)]
    return said + [
        _named(f"{words(str(name))}:", shown(value))
        for name, value in facts.items()
        if name not in known and value
    ]


def _named(name: str, value: str) -> str:
    """Return name and value, and the value alone where it says its name itself."""
    return value if value.lower().startswith(name.lower().rstrip(":")) else f"{name} {value}"


def _footer(results: Mapping[str, Any]) -> Html:
    command = results.get("command")
    again = join("Run again: ", tag("code", command)) if command else None
    return tag(
        "footer",
        tag("p", again) if again else None,
        tag(
            "p",
            "Accepted: the client got a 202. Lost: accepted, but in no state. Duplicates: more "
            "than one row or final state for a question. Calls repeated: beyond one for each "
            "attempt.",
        ),
    )
