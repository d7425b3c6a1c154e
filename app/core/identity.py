"""Question identity: the same question, reference and model is the same question everywhere."""

from __future__ import annotations

import json
import unicodedata
from uuid import UUID, uuid5

#: Namespace of every derived question id. Changing it would make every stored question a stranger.
NAMESPACE = UUID("5f0f6d1c-6a52-5c52-9a0e-3a2f4f6f9b11")

_RANDOM_BITS = 74


def normalise(text: str) -> str:
    """Return `text` in Unicode NFC with every run of white space made one space, ends trimmed.

    Letter case is kept: "US" and "us" are different questions.
    """
    return " ".join(unicodedata.normalize("NFC", text).split())


def question_id(question_text: str, original_answer: str | None, model: str) -> str:
    """Return the UUIDv5 of (normalised question, normalised reference, model)."""
    reference = None if original_answer is None else normalise(original_answer)
    return _derived("question", normalise(question_text), reference, model)


def idempotent_id(idempotency_key: str) -> str:
    """Return the UUIDv5 of a client's `Idempotency-Key`."""
    return _derived("idempotency-key", idempotency_key)


def run_row_id(run_id: str, row: int) -> str:
    """Return the UUIDv5 of (run id, row): what `run --fresh` uses, so that it can resume."""
    return _derived("run-row", run_id, row)


def fresh_id(unix_milliseconds: int, random_bits: int) -> str:
    """Return a UUIDv7 (RFC 9562) of a time and at least 74 random bits."""
    bits = random_bits & ((1 << _RANDOM_BITS) - 1)
    value = (unix_milliseconds & ((1 << 48) - 1)) << 80
    value |= 0x7 << 76 | (bits >> 62) << 64
    value |= 0b10 << 62 | bits & ((1 << 62) - 1)
    return str(UUID(int=value))


def _derived(*parts: object) -> str:
    return str(uuid5(NAMESPACE, json.dumps(parts, ensure_ascii=False, separators=(",", ":"))))
