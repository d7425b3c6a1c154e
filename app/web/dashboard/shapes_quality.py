"""The JSON of the views of quality and of ratings, as `shapes` has the others."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from app.core.lifecycle import Status
from app.web.dashboard.quality import Range
from app.web.dashboard.shapes_system import GateShown
from app.web.openapi_ratings import RatedMovie, RatingStats, RatingWindow, Recommendations
from app.web.openapi_shapes import Shape, Timestamp

Share = Annotated[float, Meta(ge=0, le=1)]
#: From low to high, 95 %.
Interval95 = tuple[Share, Share]


class RateShown(Shape):
    passed: int
    count: int
    share: Share | None
    interval: Interval95 | None


class LanguageChecked(Shape):
    language: str
    good: RateShown
    random: RateShown


class GateChecked(Shape):
    """What the gate in force passes of known pairs; `findings` is empty when that is fine."""

    scorer: str
    good: RateShown | None
    random: RateShown | None
    by_language: list[LanguageChecked]
    findings: list[str]
    mend: str | None


class Covers(Shape):
    """What was looked at: `complete` false: the newest of the range, and there are older ones."""

    questions: int
    oldest_at: Timestamp | None
    complete: bool


class OutcomeShown(Shape, kw_only=True):
    """Of what was judged; the interval is Wilson's."""

    judged: int
    passed: int
    pass_share: Share | None
    interval: Interval95 | None
    mean_score: float | None


class GenerationShown(OutcomeShown, kw_only=True):
    """Answers of a generation; `passed_so_far` of all that were judged in the first."""

    generation: int
    passed_so_far: Share | None


class LanguageShown(OutcomeShown, kw_only=True):
    language: str


class LanguagesShown(Shape):
    """Of `sampled` questions, spread evenly over those that were looked at."""

    sampled: int
    groups: list[LanguageShown]


class RejectionShown(Shape):
    """Answers that one guard rejected, or (null) the score; how their questions ended."""

    guard: str | None
    answers: int
    questions: int
    ended: OutcomeShown
    mean_score: float | None


class ScoreColumn(Shape, rename={"start": "from"}):
    start: float
    validated: int
    low_quality: int


class ScoresShown(Shape):
    """The first column holds what is below it, too."""

    metric: Literal["f1", "recall", "precision"]
    width: float
    columns: list[ScoreColumn]


class JudgementShown(Shape):
    metric: str | None
    threshold: float | None
    scorer: str | None
    questions: int


class PairShown(Shape):
    question_id: str
    status: Status
    question_text: str
    original_answer: str
    answer: str
    score: float
    threshold: float | None
    generation: int
    why: str | None


class PairsShown(Shape):
    worst: list[PairShown]
    nearest: list[PairShown]
    best: list[PairShown]


class QualityShown(Shape):
    """`check` is null until the worker has made it; scores are of the metric in force."""

    at: Timestamp
    read_at: Timestamp | None
    trouble: str | None
    range: Range
    gate: GateShown
    check: GateChecked | None
    check_trouble: str | None
    covers: Covers
    by_status: dict[Status, int]
    judged: OutcomeShown
    scores: ScoresShown
    judgements: list[JudgementShown]
    generations: list[GenerationShown]
    rejections: list[RejectionShown]
    languages: LanguagesShown
    pairs: PairsShown


class CoursePoint(Shape):
    """All workers together; `rmse` in stars, weighted by their ratings; latency of the worst."""

    at: float
    per_second: float | None
    rmse: float | None
    latency_p95_seconds: float | None
    lag: float | None


class CourseShown(Shape):
    step_seconds: float | None
    points: list[CoursePoint]


class RatingsShown(Shape):
    """`recommendations` are those of `?user=`."""

    at: Timestamp
    read_at: Timestamp | None
    trouble: str | None
    stats: RatingStats
    window_seconds: int
    windows: list[RatingWindow]
    popular: list[RatedMovie]
    users_recommended: int
    model: str
    course: CourseShown
    course_trouble: str | None
    recommendations: Recommendations | None
    recommendations_trouble: str | None
