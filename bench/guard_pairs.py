"""Answers to the sample questions, good and wrong, for measuring the guards (bench/guards.py).

Written to be hard on the guards: good ones leave details out, add others, round, negate and hedge;
wrong ones differ from a good one in a number or a "not" only. They are in guard_pairs.jsonl, one a
line: `kind`, `answer`, and `question`, the beginning of a sample question's text (not of refusals).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

_ROWS = [
    json.loads(line)
    for line in Path(__file__).with_suffix(".jsonl").read_text(encoding="utf-8").splitlines()
]


class Answer(NamedTuple):
    """`question` is the beginning of a sample question's text."""

    question: str
    answer: str


def _of(kind: str) -> list[Answer]:
    return [Answer(row["question"], row["answer"]) for row in _ROWS if row["kind"] == kind]


GOOD = _of("good")
#: Written after the guards were adjusted to the above. docs/quality-gate.md has the first result.
HELD_OUT_GOOD = _of("good, held out")
WRONG_NUMBER = _of("number changed")
NO_NUMBER = _of("number missing")
NEGATED = _of("negated")
REFUSALS = [row["answer"] for row in _ROWS if row["kind"] == "refusal"]
