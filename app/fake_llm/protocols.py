"""Bodies as a real Ollama (0.17) and a real OpenAI-compatible server write them; broken ones."""

from __future__ import annotations

import zlib
from typing import Any

import orjson

PROTOCOLS = ("ollama", "openai")

#: The words of a real Ollama by status.
OLLAMA_WORDS = {
    404: "model 'nope' not found",
    503: "server busy, please try again.  maximum pending requests exceeded",
}

_PROMPT_TOKENS = 31


def answer_body(protocol: str, model: str, text: str, done_reason: str = "stop") -> bytes:
    """Return an answer."""
    return orjson.dumps(_answer(protocol, model, text, done_reason))


def error_body(protocol: str, status: int, code: str | None = None) -> bytes:
    """Return an error. With a `code` it is an object in both protocols: a gateway's, for Ollama."""
    words = OLLAMA_WORDS.get(status, f"the fake server says {status}")
    if protocol == "ollama" and code is None:
        return orjson.dumps({"error": words})
    error = {"message": words, "type": "api_error", "param": None, "code": code}
    return orjson.dumps({"error": error})


def error_in_200(protocol: str, _model: str) -> bytes:
    """Return what comes with status 200 when a server fails after it sent its headers."""
    return error_body(protocol, 500)


def loading(protocol: str, model: str) -> bytes:
    """Return an empty answer of an Ollama that only loads the model (the same from both)."""
    return answer_body(protocol, model, "", done_reason="load")


def numbers(protocol: str, model: str) -> bytes:
    """Return an answer whose text is an object."""
    return answer_body(protocol, model, "TEXT").replace(b'"TEXT"', b'{"text": 5}')


def bad_utf8(protocol: str, model: str) -> bytes:
    """Return an answer with bytes that are no UTF-8."""
    return answer_body(protocol, model, "TEXT").replace(b"TEXT", b"a \xff\xfe b")


def nul(protocol: str, model: str) -> bytes:
    """Return an answer whose text has a NUL and lone surrogates."""
    body = answer_body(protocol, model, "TEXT")
    return body.replace(b"TEXT", rb"An answer\u0000 with \ud800 odd \ude00 characters")


def model_list(protocol: str, names: list[str]) -> dict[str, Any]:
    """Return the server's list of models."""
    if protocol == "openai":
        listed = [{"id": name, "object": "model", "created": 0} for name in names]
        return {"object": "list", "data": listed}
    return {"models": [_ollama_model(name) for name in names]}


def _ollama_model(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "model": name,
        "modified_at": "2026-01-02T03:04:05.678901234Z",
        "size": 98_000_000,
        "digest": "0" * 64,
        "details": {"format": "gguf", "family": "llama", "parameter_size": "134.52M"},
    }


def _answer(protocol: str, model: str, text: str, done_reason: str) -> dict[str, Any]:
    tokens = len(text.split())
    message = {"role": "assistant", "content": text}
    if protocol == "ollama":
        return {
            "model": model,
            "created_at": "2026-01-02T03:04:05.678901234Z",
            "message": message,
            "done": True,
            "done_reason": done_reason,
            "total_duration": 200_000_000,
            "load_duration": 1_000_000,
            "prompt_eval_count": _PROMPT_TOKENS,
            "prompt_eval_duration": 50_000_000,
            "eval_count": tokens,
            "eval_duration": 149_000_000,
        }
    return {
        "id": f"chatcmpl-{zlib.crc32(text.encode())}",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": model,
        "choices": [{"index": 0, "finish_reason": done_reason, "message": message}],
        "usage": {
            "prompt_tokens": _PROMPT_TOKENS,
            "completion_tokens": tokens,
            "total_tokens": _PROMPT_TOKENS + tokens,
        },
    }
