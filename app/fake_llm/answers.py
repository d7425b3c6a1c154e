"""Answers: an echo, or good and bad ones to questions whose references are known."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path

from app.errors import InputError

#: Good answers: the reference, dressed as a model would.
_GOOD = ("{}", "In short: {}", "{} That is the answer.", "To answer this: {}")

#: Bad answers: fluent, and about nothing that was asked.
_BAD = (
    "I would rather talk about the weather, which was lovely all week.",
    "My aunt paints her fence green every second summer.",
    "As a helpful assistant, I enjoy long walks and quiet music.",
    "Please restart the printer and try the blue button.",
)


def echo(text: str) -> str:
    """The default answer."""
    return f"An answer to: {text}"


class ReferenceAnswers:
    """Answers a `good_share` of the calls well, the others badly; the same call always alike.

    The draw depends on `seed` and on the call (question, prompt and the sampling seed that it
    names), not on the order of calls: a weak answer that is asked for again is a new draw.
    """

    def __init__(
        self, references: Mapping[str, str], good_share: float = 0.7, seed: int = 0
    ) -> None:
        self._references = {_plain(key): value for key, value in references.items()}
        self._good_share = good_share
        self._seed = seed

    def __contains__(self, question: str) -> bool:
        return _plain(question) in self._references

    def answer(self, question: str, prompt: str = "", call_seed: int | None = None) -> str:
        """Return the answer to a question; an echo to an unknown one."""
        reference = self._references.get(_plain(question))
        if reference is None:
            return echo(question)
        chance = random.Random(f"{self._seed}|{call_seed}|{prompt or question}")
        if chance.random() < self._good_share:
            return chance.choice(_GOOD).format(reference)
        return chance.choice(_BAD)


def load_references(path: Path) -> dict[str, str]:
    """Return questions and references of a file that `run` can read. Raises InputError."""
    from app.files.read import read_questions
    from app.files.rows import QuestionRow

    rows = (row for row in read_questions(path) if isinstance(row, QuestionRow))
    found = {row.question_text: row.original_answer for row in rows if row.original_answer}
    if not found:
        raise InputError(f"{path} has no question with a reference answer")
    return found


def _plain(text: str) -> str:
    return " ".join(text.split())
