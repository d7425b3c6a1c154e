"""What PostgreSQL can't hold in text and JSON, replaced by what it can; the twin does the same."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

#: NUL is not allowed in text and JSON, half a surrogate pair can't be encoded as UTF-8.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_REPLACEMENT = "\ufffd"


def clean_text(text: str) -> str:
    """Return `text` with NUL and lone surrogates replaced by U+FFFD."""
    return _UNSTORABLE.sub(_REPLACEMENT, text)


def clean_optional(text: str | None) -> str | None:
    """Return `clean_text` of a text, None of None."""
    return None if text is None else clean_text(text)


def clean_json(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of a JSON object that can be stored: texts clean, NaN and infinity as null."""
    return {clean_text(str(key)): _clean(item) for key, item in value.items()}


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, Mapping):
        return clean_json(value)
    if isinstance(value, list | tuple):
        return [_clean(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
