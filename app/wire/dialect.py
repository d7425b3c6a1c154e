"""JSON Schema as other programs read it: patterns of ECMA 262, texts in one line a paragraph."""

from __future__ import annotations

import re
from typing import Any


def portable(value: Any) -> Any:
    r"""Return a schema whose patterns have `^` and `$` for Python's `\A` and `\Z`.

    Descriptions that come from docstrings lose their line breaks within a paragraph.
    """
    if isinstance(value, list):
        return [portable(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {key: _KINDS.get(key, _same)(portable(each)) for key, each in value.items()}


def _pattern(value: Any) -> Any:
    if not isinstance(value, str):
        return value  # a property of this name
    return re.sub(r"\\Z$", "$", re.sub(r"^\\A", "^", value))


def _text(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return "\n\n".join(" ".join(part.split()) for part in value.split("\n\n")).strip()


def _same(value: Any) -> Any:
    return value


_KINDS = {"pattern": _pattern, "description": _text}
