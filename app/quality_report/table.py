"""The table of a page: rows to look at, filtered and sorted by its script, readable without it."""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from itertools import count
from typing import Any, Literal

from app.charts.markup import Html, clean, join, tag
from app.charts.numbers import shown
from app.charts.page import data_block

#: Rows that the page holds at most, and their size as JSON.
MOST_ROWS = 5_000
MOST_BYTES = 12 * 1024 * 1024
#: Characters of one text on the page.
MOST_CHARACTERS = 1_500
PAGE_ROWS = 25

Kind = Literal["state", "text", "score", "count"]


@dataclass(frozen=True, slots=True)
class Column:
    """`range`: the filter for a lowest and highest value looks at this score."""

    name: str
    kind: Kind
    range: bool = False


@dataclass(frozen=True, slots=True)
class Card:
    """A text with its facts, one of several side by side."""

    title: str
    text: str | None
    badge: str = ""
    facts: Sequence[tuple[str, str]] = ()

    def as_json(self) -> dict[str, Any]:
        facts = [[cut(name), cut(value)] for name, value in self.facts]
        return {"h": cut(self.title), "b": cut(self.badge[:40]), "f": facts, "t": cut(self.text)}


@dataclass(frozen=True, slots=True)
class TableRow:
    """Cells in the order of the columns; `cards` and `facts` are shown when it is opened."""

    cells: Sequence[str | float | None]
    cards: Sequence[Card]
    facts: Sequence[tuple[str, str]] = ()
    groups: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {
            "c": [cut(each) if isinstance(each, str) else each for each in self.cells],
            "k": [card.as_json() for card in self.cards],
            "f": [[cut(name), cut(value)] for name, value in self.facts],
            "g": {cut(name): cut(value) for name, value in self.groups.items()},
        }


def cut(text: str | None) -> str:
    """Return a text as the page shows it: `clean`, and not over MOST_CHARACTERS."""
    if text is None:
        return ""
    if len(text) <= MOST_CHARACTERS:
        return clean(text)
    rest = len(text) - MOST_CHARACTERS
    return f"{clean(text[:MOST_CHARACTERS])}\N{HORIZONTAL ELLIPSIS} ({shown(rest)} more characters)"


class Chosen:
    """Keeps the rows that need a look most, within the page's limits, as JSON."""

    def __init__(self, most_rows: int = MOST_ROWS, most_bytes: int = MOST_BYTES) -> None:
        self._most_rows, self._most_bytes = most_rows, most_bytes
        self._heap: list[tuple[float, int, bytes]] = []
        self._order = count()
        self.seen = 0

    def wants(self, urgency: float) -> bool:
        """Tell whether a row of this urgency is kept: making its JSON is the expensive part."""
        return len(self._heap) < self._most_rows or urgency > self._heap[0][0]

    def add(self, urgency: float, row: TableRow | None) -> None:
        """Count a row, and keep it if it is urgent enough; of equal ones, the first."""
        self.seen += 1
        place = next(self._order)
        if row is None or not self.wants(urgency):
            return
        written = json.dumps(row.as_json(), ensure_ascii=False, separators=(",", ":"))
        item = (urgency, -place, written.encode("utf-8", "replace"))
        if len(self._heap) < self._most_rows:
            heapq.heappush(self._heap, item)
        else:
            heapq.heapreplace(self._heap, item)

    def rows(self, *, urgent_first: bool = False) -> list[str]:
        """Return the rows as JSON in the order in which they came, or by their urgency."""
        kept: list[tuple[float, int, bytes]] = []
        size = 0
        for item in sorted(self._heap, reverse=True):
            size += len(item[2])
            if size > self._most_bytes and kept:
                break
            kept.append(item)
        if not urgent_first:
            kept.sort(key=lambda item: -item[1])
        return [item[2].decode() for item in kept]


def table(
    columns: Sequence[Column],
    rows: Sequence[str],
    dimensions: Mapping[str, str],
    note: str | None,
) -> Html:
    """Return the table with its first page of rows, and all rows (JSON) as data for the script.

    `dimensions` are the groups that can be filtered: key -> title.
    """
    settings = {
        "columns": [[each.name, each.kind, each.range] for each in columns],
        "dimensions": {cut(key): cut(title) for key, title in dimensions.items()},
        "page": PAGE_ROWS,
    }
    data = f'{json.dumps(settings)[:-1]}, "rows": [{",".join(rows)}]}}'
    head = tag(
        "tr", *(tag("th", each.name, scope="col", class_=_numeric(each)) for each in columns)
    )
    body = [_static(columns, json.loads(row)) for row in rows[:PAGE_ROWS]]
    first = f"The first {PAGE_ROWS} of {shown(len(rows))} rows: the others need the page's script."
    return join(
        tag("p", note, class_="about") if note else None,
        tag("div", id="filters", hidden=""),
        tag(
            "div",
            tag("table", tag("thead", head), tag("tbody", *body), class_="rows", id="rows"),
            class_="scroll",
        ),
        tag("p", first, class_="about", id="first") if len(rows) > PAGE_ROWS else None,
        data_block("data", data),
    )


def script() -> str:
    """Return the script of the table."""
    return resources.files(__package__).joinpath("table.js").read_text(encoding="utf-8")


def _static(columns: Sequence[Column], row: Mapping[str, Any]) -> Html:
    cells = [_cell(column, value) for column, value in zip(columns, row["c"], strict=True)]
    return join(
        tag("tr", *cells),
        tag(
            "tr",
            tag(
                "td",
                tag("details", tag("summary", "compare the texts"), opened(row)),
                colspan=len(columns),
            ),
            class_="more",
        ),
    )


def _numeric(column: Column) -> str | None:
    return "number" if column.kind in ("score", "count") else None


def _cell(column: Column, value: Any) -> Html:
    if column.kind in ("score", "count"):
        return tag("td", _digits(value, column.kind), class_="number")
    if column.kind == "state":
        return tag("td", badge(value))
    return tag("td", tag("div", value, class_="cut", dir="auto"))


def badge(state: str) -> Html:
    """Return a state as a label in its colour."""
    return tag("span", state.replace("_", " "), class_=f"badge {_style(state)}")


def _style(state: str) -> str:
    return "".join(c for c in state if c.isascii() and (c.isalnum() or c == "_"))[:24]


def opened(row: Mapping[str, Any]) -> Html:
    """Return what an opened row shows."""
    return join(
        tag("div", *(_card(each) for each in row["k"]), class_="cards"),
        tag("p", *_facts(row["f"]), class_="facts"),
    )


def _card(card: Mapping[str, Any]) -> Html:
    return tag(
        "div",
        tag("div", tag("b", card["h"]), badge(card["b"]) if card["b"] else None, class_="head"),
        tag("p", *_facts(card["f"]), class_="facts"),
        tag("div", card["t"] or "\N{EN DASH}", class_="said", dir="auto"),
        class_="card",
    )


def _facts(facts: Iterable[Sequence[str]]) -> list[Html]:
    return [tag("span", f"{name} ", tag("b", value)) for name, value in facts]


def _digits(value: Any, kind: Kind) -> str:
    if value is None:
        return "\N{EN DASH}"
    return f"{value:.3f}" if kind == "score" else shown(value)
