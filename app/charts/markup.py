"""Safe HTML: whatever text comes in, no markup of its own gets out."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

from app.charts.numbers import THIN, shown


class Html(str):
    """Text that is markup already. Everything else is escaped where it goes into a page."""

    __slots__ = ()


def text(value: Any) -> Html:
    """Return a value as escaped text; control characters (other than newline) become U+FFFD."""
    if isinstance(value, Html):
        return value
    plain = value if isinstance(value, str) else shown(value)
    clean = "".join(
        c if c == "\n" or c.isprintable() or c in THIN else "\N{REPLACEMENT CHARACTER}"
        for c in plain
    )
    return Html(html.escape(clean))


def tag(
    name: str, *children: Any, attributes: Mapping[str, Any] | None = None, **more: Any
) -> Html:
    """Return an element. `class_` and the like lose their underscore, `a_b` becomes `a-b`."""
    given = {**(attributes or {}), **{_attribute(key): value for key, value in more.items()}}
    said = "".join(f' {key}="{text(value)}"' for key, value in given.items() if value is not None)
    return Html(f"<{name}{said}>{join(*children)}</{name}>")


def _attribute(name: str) -> str:
    return name.rstrip("_").replace("_", "-")


def join(*children: Any) -> Html:
    """Return children one after the other; None is nothing."""
    return Html("".join(text(child) for child in children if child is not None))
