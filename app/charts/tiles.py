"""Figures that matter, each a tile."""

from __future__ import annotations

from typing import Any

from app.charts.markup import Html, tag
from app.charts.numbers import shown


def tile(name: str, value: Any, note: str, grade: str | None = None) -> Html:
    """Return a figure with its name above and a note below; `grade` is `good` or `bad`.

    A value that is not known is a dash.
    """
    return tag(
        "div",
        tag("dt", name),
        tag("dd", tag("strong", shown(value), class_=grade), tag("small", note)),
    )


def tiles(*each: Html) -> Html:
    return tag("dl", *each, class_="tiles")
