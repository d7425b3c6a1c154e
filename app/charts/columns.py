"""Columns over named places: a distribution."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.charts.markup import Html, join
from app.charts.numbers import percent, shown
from app.charts.strokes import box, stroke, svg, words

_TOP, _FOOT = 24.0, 44.0
_GAP = 0.28


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    count: int


def draw_columns(
    columns: Sequence[Column], width: float, height: float, about: str, unit: str
) -> Html:
    """Return columns `height` high with their share above each; `unit` is what the names are."""
    total = sum(column.count for column in columns)
    most = max((column.count for column in columns), default=0)
    place = width / len(columns)
    base = _TOP + height
    parts = []
    for n, column in enumerate(columns):
        tall = height * column.count / most if most else 0.0
        tall = max(1.5, tall) if column.count else 0.0
        left, middle = place * (n + _GAP / 2), place * (n + 0.5)
        said = f"{column.name}: {shown(column.count)}"
        share = percent(column.count / total) if total else ""
        parts += [
            box("column", left, round(base - tall, 1), place * (1 - _GAP), round(tall, 1), said),
            words(share, middle, base - tall - 7, "share", "middle"),
            words(column.name, middle, base + 18, "tick", "middle"),
        ]
    axis = stroke("axis", 0, base, width, base)
    label = words(unit, width / 2, base + 38, "unit", "middle")
    return svg(width, base + _FOOT, about, join(*parts), axis, label)
