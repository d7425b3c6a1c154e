"""What comes out of a model, made safe to store: no NUL, no lone surrogate, no endless text."""

from __future__ import annotations

import re

#: Longest answer that is kept, in characters.
TEXT_LIMIT = 65_536
#: Longest detail of an error, in characters.
DETAIL_LIMIT = 300

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]+")


def clean_text(text: str) -> str:
    """Return `text` with NUL and lone surrogates as U+FFFD: PostgreSQL and UTF-8 take neither."""
    return _UNSTORABLE.sub("\ufffd", text)


def kept_text(text: str) -> str:
    """Return a model's text as it is kept: cleaned, and cut at TEXT_LIMIT characters."""
    return clean_text(text[:TEXT_LIMIT])


def detail_text(text: str, secret: str = "") -> str:
    """Return a server's words as a short one-line detail, with `secret` masked."""
    if secret:
        text = text.replace(secret, "***")
    return _UNPRINTABLE.sub(" ", text).strip()[:DETAIL_LIMIT]
