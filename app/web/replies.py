"""JSON replies: UTF-8 as it is, not escaped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from aiohttp import web


def json_reply(
    value: Any, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Return a JSON response."""
    return web.Response(
        body=msgspec.json.encode(value),
        status=status,
        headers=headers,
        content_type="application/json",
        charset="utf-8",
    )


def error_response(
    status: int, code: str, message: str, field: str | None = None, **headers: str
) -> web.Response:
    """Return `{"error": {"code", "message", "field"?}}`; a header's `_` is written `-`."""
    error: dict[str, Any] = {"code": code, "message": message}
    if field is not None:
        error["field"] = field
    return json_reply(
        {"error": error},
        status=status,
        headers={k.replace("_", "-"): v for k, v in headers.items()},
    )
