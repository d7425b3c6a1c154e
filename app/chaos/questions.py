"""The questions of a chaos run: each unique, of a kind that says how it must end."""

from __future__ import annotations

from dataclasses import dataclass

#: The fake model is told to refuse (400) whatever ends so.
REFUSED = "refuse it."

#: Of 20 questions, by number: how many end how.
_LOW_QUALITY, _UNSCORED, _DEAD = {3, 11}, {7, 15}, {19}


@dataclass(frozen=True, slots=True)
class ChaosQuestion:
    """One question. `expected` is the end that it comes to when nothing goes wrong."""

    number: int
    key: str
    text: str
    reference: str | None
    expected: str

    @property
    def body(self) -> dict[str, object]:
        """What is posted to `/query`."""
        body: dict[str, object] = {"question_text": self.text, "metadata": {"number": self.number}}
        return body if self.reference is None else {**body, "original_answer": self.reference}


def make_question(run: str, number: int) -> ChaosQuestion:
    """Return question `number` of a run.

    The fake model answers "An answer to: " and the question: by word overlap a perfect answer to
    most references, a bad one to others.
    """
    text = f"What became of question {number} of {run}?"
    key = f"{run}-{number}"
    place = number % 20
    if place in _LOW_QUALITY:
        return ChaosQuestion(number, key, text, "Nothing like it whatsoever.", "low_quality")
    if place in _UNSCORED:
        return ChaosQuestion(number, key, text, None, "unscored")
    if place in _DEAD:
        text = f"Question {number} of {run}: {REFUSED}"
        return ChaosQuestion(number, key, text, "Never said.", "dead")
    return ChaosQuestion(number, key, text, f"An answer to: {text}", "validated")
