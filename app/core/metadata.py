"""What a client may hang on a question: JSON that every later stage and store can hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: Encoders, stores and logs recurse; a deeper value would break whichever recurses first.
MAX_DEPTH = 32
#: As JSON. A question travels as one message; brokers refuse them near 1 MB.
MAX_BYTES = 32_768


def metadata_problem(metadata: Mapping[str, Any]) -> str | None:
    """Say why this metadata can't travel with its question, or None when it can.

    NUL characters are refused as in every other text: PostgreSQL can't hold one.
    """
    level: list[Any] = [metadata]
    for _ in range(MAX_DEPTH):
        if any(isinstance(value, str) and "\x00" in value for value in level):
            return "it has a NUL character"
        level = [inner for value in level for inner in _inside(value)]
        if not level:
            return None
    return f"it is nested deeper than {MAX_DEPTH} levels"


def _inside(value: Any) -> list[Any]:
    if isinstance(value, Mapping):
        return [*value, *value.values()]
    return value if isinstance(value, list) else []
