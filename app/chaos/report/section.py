"""One scenario on the page: what was done, what had to hold, what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app.chaos.report.chart import draw
from app.chaos.report.series import Course, Fault, course_of, faults_of
from app.chaos.report.summary import badge
from app.chaos.report.totals import STATES, Run, audit_of, difference, verdict_of
from app.charts.markup import Html, tag
from app.charts.numbers import duration, moment, number, real, shown, words

#: Lists of more than this are folded.
_FEW = 4

#: What an audit counts beyond the equation, when the words are better than the name.
_EQUATION = ("accepted", *STATES, "duplicates", "repeated_calls", "calls")


def section(run: Run, place: int) -> Html:
    """Return the section of a run; `place` is its number on the page, from 1."""
    course = course_of(run)
    return tag(
        "section",
        _heading(run),
        _reason(run),
        _equation(audit_of(run)),
        _checks(run.get("checks") or []),
        draw(course) if course else None,
        _faults(run, course),
        _pairs("Figures", run.get("figures")),
        _notes(run),
        _settings(run.get("settings")),
        id=f"run-{place}",
        class_=f"run {verdict_of(run)}",
    )


def _heading(run: Run) -> Html:
    took = [duration(real(run.get("seconds"))), moment(run.get("started_at"))]
    promise = run.get("promise")
    return tag(
        "div",
        tag("h2", tag("span", run.get("scenario") or "unnamed"), badge(verdict_of(run))),
        tag("p", *(tag("span", each) for each in took), class_="facts"),
        tag("p", run.get("about"), class_="about") if run.get("about") else None,
        tag("p", tag("b", "Promise "), promise, class_="promise") if promise else None,
        class_="heading",
    )


def _reason(run: Run) -> Html | None:
    reason = run.get("reason")
    return tag("p", reason, class_=f"reason {verdict_of(run)}") if reason else None


def _equation(audit: Mapping[str, Any]) -> Html | None:
    """Write the conservation equation out: accepted = the sum of all states."""
    if not audit:
        return None
    terms = [_term(name, audit.get(name), bad=name == "lost") for name in STATES]
    signs = ["=", *("+" for _ in terms[1:])]
    off = difference(audit)
    said = (
        tag("p", f"It does not add up: the difference is {shown(off)}.", class_="bad")
        if off
        else None
    )
    others = {
        words(str(name)): value
        for name, value in audit.items()
        if name not in _EQUATION and (real(value) is not None)
    }
    repeated = f"{shown(number(audit.get('repeated_calls')))} of {shown(audit.get('calls'))}"
    beside = {"duplicates": audit.get("duplicates"), "calls repeated": repeated, **others}
    return tag(
        "div",
        tag("h3", "Every accepted question"),
        tag(
            "div",
            tag("span", _term("accepted", audit.get("accepted"))),
            *(tag("span", _sign(s), term) for s, term in zip(signs, terms, strict=True)),
            class_="equation",
        ),
        said,
        tag("p", *(tag("span", f"{k} ", tag("b", v)) for k, v in beside.items()), class_="facts"),
        _problems(audit.get("problems")),
    )


def _term(name: str, value: Any, *, bad: bool = False) -> Html:
    grade = None if not bad else "bad" if number(value) else "good"
    return tag(
        "span", tag("b", number(value), class_=grade), tag("small", words(name)), class_="term"
    )


def _sign(sign: str) -> Html:
    return tag("span", sign, class_="sign")


def _problems(problems: Any) -> Html | None:
    if not isinstance(problems, Sequence) or isinstance(problems, str) or not problems:
        return None
    items = [tag("li", each) for each in problems]
    many = f"{shown(len(items))} problems" if len(items) > 1 else "1 problem"
    few = "" if len(items) <= _FEW else None
    return tag("details", tag("summary", many), tag("ul", *items), open=few)


def _checks(checks: Sequence[Mapping[str, Any]]) -> Html | None:
    if not checks:
        return None
    heads = ("check", "limit", "measured", "")
    head = tag("tr", *(tag("th", name, scope="col") for name in heads))
    worst_first = sorted(checks, key=lambda check: check.get("passed") is True)
    rows = [_check(check) for check in worst_first]
    return tag(
        "div",
        tag("h3", "Checks"),
        tag("table", tag("thead", head), tag("tbody", *rows), class_="checks"),
    )


def _check(check: Mapping[str, Any]) -> Html:
    verdict = "passed" if check.get("passed") is True else "failed"
    return tag(
        "tr",
        tag("th", check.get("name"), scope="row"),
        tag("td", check.get("limit"), data_label="limit"),
        tag("td", tag("b", check.get("measured")), data_label="measured"),
        tag("td", badge(verdict)),
        class_=verdict,
    )


def _faults(run: Run, course: Course | None) -> Html | None:
    faults = course.faults if course else faults_of(run, 0.0)
    if not faults:
        return None
    heads = ("#", "fault", "from", "to", "lasted")
    head = tag("tr", *(tag("th", name, scope="col") for name in heads))
    rows = [_fault(fault, number) for number, fault in enumerate(faults, 1)]
    count = f"{shown(len(faults))} faults" if len(faults) > 1 else "1 fault"
    table = tag("table", tag("thead", head), tag("tbody", *rows), class_="faults")
    return tag(
        "details",
        tag("summary", count),
        table,
        open="" if len(faults) <= _FEW else None,
    )


def _fault(fault: Fault, number: int) -> Html:
    cells = (duration(fault.start), duration(fault.end), duration(fault.end - fault.start))
    return tag(
        "tr",
        tag("td", number, class_="number"),
        tag("th", fault.name, scope="row"),
        *(tag("td", cell, class_="number") for cell in cells),
    )


def _pairs(title: str, pairs: Any) -> Html | None:
    if not isinstance(pairs, Mapping) or not pairs:
        return None
    items = [_pair(str(name), value) for name, value in pairs.items()]
    return tag("div", tag("h3", title), tag("dl", *items, class_="pairs"))


def _pair(name: str, value: Any) -> Html:
    """Return a figure; one that is named in seconds gets its unit instead."""
    if name.endswith("_seconds") and real(value) is not None:
        return _pair(name.removesuffix("_seconds"), duration(value))
    return tag("div", tag("dt", words(name)), tag("dd", shown(value)))


def _notes(run: Run) -> Html | None:
    notes = [note for note in run.get("notes") or [] if note]
    if not notes:
        return None
    items = [tag("li", tag("pre", note) if "\n" in str(note).strip() else note) for note in notes]
    return tag("div", tag("h3", "Notes"), tag("ul", *items, class_="notes"))


def _settings(settings: Any) -> Html | None:
    if not isinstance(settings, Mapping) or not settings:
        return None
    rows = [
        tag("tr", tag("th", str(name), scope="row"), tag("td", tag("code", _setting(value))))
        for name, value in settings.items()
    ]
    table = tag("table", tag("tbody", *rows), class_="settings")
    return tag("details", tag("summary", f"{shown(len(rows))} settings"), table)


def _setting(value: Any) -> str:
    """Return a setting as it would be written: numbers are not grouped."""
    return value if isinstance(value, str) else str(value)
