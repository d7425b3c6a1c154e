"""The pairs that come with the project: questions with a reference and two good answers each.

Written by hand, 34 in English and 14 in Spanish: a short paraphrase, and a longer text in the
manner of a small language model that puts the same fact into more words.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import NamedTuple

PATH = Path(__file__).parent / "pairs.jsonl"


class Row(NamedTuple):
    """A question with its reference and two good answers; `language` is `en` or `es`."""

    language: str
    question: str
    reference: str
    short: str
    long: str


@cache
def built_in_rows() -> tuple[Row, ...]:
    """Return the rows in the order of the file."""
    lines = PATH.read_text(encoding="utf-8").splitlines()
    found = (json.loads(line) for line in lines)
    return tuple(
        Row(row["language"], row["question_text"], row["original_answer"], *row["answer"])
        for row in found
    )


@cache
def built_in_version() -> str:
    """Return a short hash of the file: figures of other pairs can't be taken for these."""
    return hashlib.sha256(PATH.read_bytes()).hexdigest()[:12]
