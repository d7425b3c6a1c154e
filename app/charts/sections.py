"""Sections of a page, and what most of them hold: a figure for two widths, a plain table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from app.charts.markup import Html, tag


def section(title: str, about: str, *parts: Html | None, empty: str, name: str = "") -> Html:
    """Return a section; `empty` says why, when none of the parts is there. `name` is its id."""
    found = [part for part in parts if part is not None]
    body = found if found else [tag("p", empty, class_="empty")]
    said = tag("p", about, class_="about") if found and about else None
    return tag("section", tag("h2", title), said, *body, class_="part", id=name or None)


def both(wide: Html, narrow: Html, *keys: Html) -> Html:
    """Return a figure with a drawing for wide and one for narrow pages."""
    legend = tag("figcaption", *keys, class_="legend") if keys else None
    return tag(
        "figure", legend, tag("div", wide, class_="wide"), tag("div", narrow, class_="narrow")
    )


def plain_table(heads: Iterable[str | Html], rows: Sequence[tuple[Html, ...]], style: str) -> Html:
    """Return a table of these cells, each a `td` or `th` already; so may be a head."""
    heading = (each if isinstance(each, Html) else tag("th", each, scope="col") for each in heads)
    head = tag("tr", *heading)
    body = tag("tbody", *(tag("tr", *cells) for cells in rows))
    return tag("table", tag("thead", head), body, class_=style)


def number_head(name: str) -> Html:
    return tag("th", name, scope="col", class_="number")


def number_cell(value: str) -> Html:
    return tag("td", value, class_="number")
