"""Bodies as a real Ollama and a real OpenAI-compatible server write them."""

from __future__ import annotations

import zlib

import orjson

#: The words of a real Ollama (v0.17.4) by status.
OLLAMA_WORDS = {
    404: "model 'nope' not found",
    503: "server busy, please try again.  maximum pending requests exceeded",
}


def answer_body(protocol: str, model: str, text: str, done_reason: str = "stop") -> bytes:
    """An answer as the real servers write it."""
    tokens = len(text.split())
    if protocol == "ollama":
        return orjson.dumps(
            {
                "model": model,
                "created_at": "2026-01-02T03:04:05.678901234Z",
                "message": {"role": "assistant", "content": text},
                "done": True,
                "done_reason": done_reason,
                "total_duration": 200_000_000,
                "load_duration": 1_000_000,
                "prompt_eval_count": 31,
                "prompt_eval_duration": 50_000_000,
                "eval_count": tokens,
                "eval_duration": 149_000_000,
            }
        )
    choice = {
        "index": 0,
        "finish_reason": done_reason,
        "message": {"role": "assistant", "content": text},
    }
    return orjson.dumps(
        {
            "id": f"chatcmpl-{zlib.crc32(text.encode())}",
            "object": "chat.completion",
            "created": 1_700_000_000,
            "model": model,
            "choices": [choice],
            "usage": {
                "prompt_tokens": 31,
                "completion_tokens": tokens,
                "total_tokens": 31 + tokens,
            },
        }
    )


def error_body(protocol: str, status: int, code: str | None = None) -> bytes:
    """An error as the real servers write it."""
    words = OLLAMA_WORDS.get(status, f"the fake server says {status}")
    if protocol == "ollama":
        return orjson.dumps({"error": words})
    error = {"message": words, "type": "api_error", "param": None, "code": code}
    return orjson.dumps({"error": error})
