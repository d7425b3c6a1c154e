"""The port of what answers were worth: scores, verdicts, their reasons, over a stretch of time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from app.core.gate import Metric
from app.core.lifecycle import Status

#: Questions that one reading looks at, the newest ones: what it takes is bounded.
LOOK_AT = 100_000
#: Columns of the histogram, of equal width from 0 to 1.
COLUMNS = 50
#: Texts that are read to tell their language, and characters of question and of reference.
SAMPLE = 2_000
TELLING = 120
#: Pairs of each list, and what is read of a text.
PAIRS = 6
CUT = 600


@dataclass(frozen=True, slots=True)
class QualityQuery:
    """What is asked: questions accepted `since` (Unix seconds; None: all), scores by `metric`.

    `threshold` is the one that the nearest pairs are near to.
    """

    metric: Metric
    threshold: float
    since: float | None = None
    look_at: int = LOOK_AT
    sample: int = SAMPLE
    pairs: int = PAIRS


@dataclass(frozen=True, slots=True)
class Outcome:
    """Judged answers or questions: how many passed and not, and the sum of those with a score."""

    passed: int = 0
    failed: int = 0
    scored: int = 0
    score_sum: float = 0.0

    def __add__(self, other: Outcome) -> Outcome:
        return Outcome(
            self.passed + other.passed,
            self.failed + other.failed,
            self.scored + other.scored,
            self.score_sum + other.score_sum,
        )


@dataclass(frozen=True, slots=True)
class Judgement:
    """By what questions were judged; None: rows of old versions do not tell."""

    metric: str | None
    threshold: float | None
    scorer: str | None
    questions: int


@dataclass(frozen=True, slots=True)
class Rejection:
    """Answers rejected for one reason: a guard's name, or None for the score alone.

    `questions` had such an answer; of these `outcome` counts those that have ended validated or
    low quality, with no scores.
    """

    guard: str | None
    answers: int
    questions: int
    outcome: Outcome
    mean_score: float | None


@dataclass(frozen=True, slots=True)
class SampledText:
    """The beginnings of a judged question and its reference."""

    question: str
    reference: str
    passed: bool
    score: float | None


@dataclass(frozen=True, slots=True)
class JudgedPair:
    """A judged question with its answer; `score` by the metric asked for. Texts are cut."""

    question_id: str
    status: Status
    question: str
    reference: str
    answer: str
    score: float
    threshold: float | None
    generation: int
    why: str | None


@dataclass(frozen=True, slots=True)
class Quality:
    """Figures of one moment, of the newest questions in the range.

    `complete`: there are no older ones in it. `columns` are (passed, failed) by score: the first
    counts what is below, too, and the last 1. `generations` are of answers, `sample` is spread
    evenly over the judged questions.
    """

    questions: int
    oldest_at: float | None
    complete: bool
    counts: Mapping[Status, int]
    judged: Outcome
    columns: tuple[tuple[int, int], ...]
    judgements: tuple[Judgement, ...]
    generations: Mapping[int, Outcome]
    rejections: tuple[Rejection, ...]
    sample: tuple[SampledText, ...]
    best: tuple[JudgedPair, ...]
    worst: tuple[JudgedPair, ...]
    nearest: tuple[JudgedPair, ...]


class QualityStore(Protocol):
    """Reads what answers were worth."""

    async def quality(self, query: QualityQuery) -> Quality:
        """Return the figures of a range. Raises StoreUnavailable."""
        ...
