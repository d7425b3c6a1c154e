"""Question identity: the same question, reference and model is the same question everywhere."""

from __future__ import annotations

import json
import unicodedata
from collections import Counter
from collections.abc import Mapping
from typing import Any, Protocol
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


class Row(Protocol):
    """What a row asks; the metadata is of JSON's types."""

    @property
    def question_text(self) -> str: ...

    @property
    def original_answer(self) -> str | None: ...

    @property
    def metadata(self) -> Mapping[str, Any]: ...


class RunRows:
    """The idempotency keys of the rows of one `run --fresh`, so that it can resume.

    A row's key is made of (run id, row), not of where it stands: a file that was mended since asks
    what has changed, and nothing else again. Equal rows are told apart by their order.
    """

    def __init__(self, run_id: str) -> None:
        self._run_id = run_id
        self._seen: Counter[str] = Counter()

    def key(self, row: Row) -> str:
        """Return the key of the next row."""
        said = (row.question_text, row.original_answer, row.metadata)
        key = _derived("run-row", self._run_id, *said)
        self._seen[key] += 1
        return key if self._seen[key] == 1 else _derived("equal-row", key, self._seen[key])


def fresh_id(unix_milliseconds: int, random_bits: int) -> str:
    """Return a UUIDv7 (RFC 9562) of a time and at least 74 random bits."""
    bits = random_bits & ((1 << _RANDOM_BITS) - 1)
    value = (unix_milliseconds & ((1 << 48) - 1)) << 80
    value |= 0x7 << 76 | (bits >> 62) << 64
    value |= 0b10 << 62 | bits & ((1 << 62) - 1)
    return str(UUID(int=value))


def _derived(*parts: object) -> str:
    return str(uuid5(NAMESPACE, json.dumps(parts, ensure_ascii=False, separators=(",", ":"))))
