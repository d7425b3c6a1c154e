"""The opaque cursor of a page: where the last one ended."""

from __future__ import annotations

import base64
import binascii
import json
import math
from typing import NamedTuple

from app.errors import InputError

#: The longest page that is given, whatever is asked for.
MAX_PAGE = 1000


class Position(NamedTuple):
    """The last question of a page. Pages go down in (accepted_at, question_id)."""

    accepted_at: float
    question_id: str


def encode_cursor(position: Position) -> str:
    """Return a position as a URL-safe word."""
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode().rstrip("=")


def decode_cursor(cursor: str) -> Position:
    """Return the position of a cursor. Raises InputError(field="cursor")."""
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        accepted_at, question_id = json.loads(base64.b64decode(padded, b"-_", validate=True))
    except (ValueError, TypeError, RecursionError, binascii.Error):
        raise InputError("this is not a cursor of a page", field="cursor") from None
    if type(accepted_at) not in {int, float} or not isinstance(question_id, str):
        raise InputError("this is not a cursor of a page", field="cursor")
    try:
        accepted_at = float(accepted_at)
    except OverflowError:
        accepted_at = math.nan
    if not math.isfinite(accepted_at):
        raise InputError("this is not a cursor of a page", field="cursor")
    return Position(accepted_at, question_id)


def page_size(limit: int) -> int:
    """Return how many questions a page holds. Raises InputError(field="limit")."""
    if limit < 1:
        raise InputError(f"{limit} is not a number of questions", field="limit")
    return min(limit, MAX_PAGE)
