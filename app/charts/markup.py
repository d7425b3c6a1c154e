"""Safe HTML: whatever text comes in, no markup of its own gets out."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

from app.charts.numbers import THIN, shown


class Html(str):
    """Text that is markup already. Everything else is escaped where it goes into a page."""

    __slots__ = ()


#: Not printable to Python, and harmless: white space, and the joiners of Persian, Hindi and emoji.
_KEPT = frozenset(f"\t{THIN}\N{NO-BREAK SPACE}\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}")


def clean(value: str) -> str:
    """Return text in which control characters (other than newline and tab) are U+FFFD."""
    if value.isprintable():
        return value
    lines = value.replace("\r\n", "\n").split("\n")
    return "\n".join(line if line.isprintable() else _printable(line) for line in lines)


def _printable(line: str) -> str:
    return "".join(
        c if c.isprintable() or c in _KEPT else "\N{REPLACEMENT CHARACTER}" for c in line
    )


def text(value: Any) -> Html:
    """Return a value as escaped text, `clean`."""
    if isinstance(value, Html):
        return value
    return Html(html.escape(clean(value if isinstance(value, str) else shown(value))))


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
