"""What a caller asks: a chat request of either protocol."""

from __future__ import annotations

import time
from typing import Any

import orjson
from aiohttp import web

from app.fake_llm.steps import Call


def read_chat(data: bytes) -> dict[str, Any] | None:
    """Return a chat request, or None for what is none."""
    try:
        document = orjson.loads(data)
        if isinstance(document["model"], str) and document["messages"] is not None:
            {message["role"]: message["content"] for message in document["messages"]}
            return dict(document)
    except (ValueError, KeyError, TypeError):
        return None
    return None


def call_of(request: web.Request, document: dict[str, Any], protocol: str) -> Call:
    """Return the call that a chat request is."""
    said = {message["role"]: message["content"] for message in document["messages"]}
    ollama = protocol == "ollama"
    options = (document.get("options") or {}) if ollama else document
    return Call(
        question="",
        text=said.get("user", ""),
        at=time.time(),
        protocol=protocol,
        model=document["model"],
        temperature=options.get("temperature"),
        seed=options.get("seed"),
        max_tokens=options.get("num_predict" if ollama else "max_tokens"),
        system=said.get("system"),
        authorization=request.headers.get("Authorization"),
    )
