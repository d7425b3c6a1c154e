"""What `judge` decides: the verdict on one answer, and whether the question is asked again."""

from __future__ import annotations

from enum import Enum

from app.core.gate import Gate, Score, judge_score
from app.core.guards import Objection
from app.core.guards.language import language_code, stated_language
from app.core.lifecycle import Status

ZERO = Score(0.0, 0.0, 0.0)

#: How many times a pair is scored that the scorer gives no score for, before its question is dead.
SCORE_TRIES = 3
_FIRST_PAUSE_SECONDS = 0.2


class Next(Enum):
    """What follows a verdict."""

    ACCEPT = "accept"
    ASK_AGAIN = "ask_again"
    END_WITH_BEST = "end_with_best"


def needs_score(answer: str, reference: str | None) -> bool:
    """Tell whether the scorer has to be asked: there are a reference and an answer.

    An answer that a guard objects to is scored as well: its figures are kept with it.
    """
    return bool(reference and reference.strip()) and bool(answer.strip())


def pause_before_try(failures: int) -> float | None:
    """Return the seconds until a pair is scored again that failed so often; None: never again."""
    if failures >= SCORE_TRIES:
        return None
    return float(_FIRST_PAUSE_SECONDS * 2 ** (failures - 1))


def verdict(
    answer: str,
    reference: str | None,
    score: Score | None,
    gate: Gate,
    objection: Objection | None = None,
) -> tuple[Status, Score | None, str]:
    """Return (status, score, why) of an answer; `score` is the scorer's, where it was needed.

    A guard's objection outweighs any score, and is never a reason to accept.
    """
    if not answer.strip():
        blank = objection or Objection("empty", "the answer is blank")
        return Status.LOW_QUALITY, ZERO if reference else None, blank.why
    if objection is not None:
        figures = f" ({judge_score(gate, score).why})" if score is not None else ""
        return Status.LOW_QUALITY, score, objection.why + figures
    if score is None:
        return Status.UNSCORED, None, "no reference answer was given"
    judged = judge_score(gate, score)
    return (Status.VALIDATED if judged.passed else Status.LOW_QUALITY), score, judged.why


def gate_for(gate: Gate, question: str, reference: str | None) -> Gate:
    """Return the gate in the language of the reference, as far as that can be told."""
    if not gate.languages or not reference:
        return gate
    language = stated_language(question, reference)
    return gate if language is None else gate.in_language(language_code(language))


def what_next(status: Status, generation: int, max_generations: int) -> Next:
    """Return what follows: a weak answer is asked again until `max_generations` were asked."""
    if status is not Status.LOW_QUALITY:
        return Next.ACCEPT
    return Next.ASK_AGAIN if generation < max_generations else Next.END_WITH_BEST
