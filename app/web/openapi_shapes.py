"""The JSON that the routes answer with, as types. A test reads real replies by them, strictly."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from app.core.lifecycle import Status

Timestamp = Annotated[str, Meta(description="ISO 8601 in UTC, with milliseconds")]

MetricName = Literal["f1", "recall", "precision"]


class Shape(msgspec.Struct, forbid_unknown_fields=True):
    """An object of a reply; it has no other fields."""


class ErrorBody(Shape):
    code: str
    message: str
    field: str | UnsetType = UNSET


class Error(Shape):
    error: ErrorBody


class Attempt(Shape):
    """One model call."""

    generation: int
    attempt: int
    model: str
    started_at: Timestamp
    seconds: float | None
    tokens: int | None
    waited_seconds: float
    verdict: Literal["pass", "fail", "unscored"] | None
    prompt_tokens: int | UnsetType = UNSET
    round: int | UnsetType = UNSET
    strategy: str | UnsetType = UNSET
    temperature: float | UnsetType | None = UNSET
    seed: int | UnsetType | None = UNSET
    cause: str | UnsetType = UNSET
    answer: str | UnsetType = UNSET
    precision: float | UnsetType = UNSET
    recall: float | UnsetType = UNSET
    f1: float | UnsetType = UNSET
    threshold: float | UnsetType | None = UNSET
    metric: MetricName | UnsetType | None = UNSET
    gate: str | UnsetType | None = UNSET
    scorer: str | UnsetType | None = UNSET
    library: str | UnsetType | None = UNSET
    rescaled: bool | UnsetType | None = UNSET
    why: str | UnsetType = UNSET


class ListedQuestion(Shape, kw_only=True):
    """A question as lists show it: without its attempts."""

    question_id: str
    status: Status
    question_text: str
    original_answer: str | None
    answer: str | None
    precision: float | None
    recall: float | None
    f1: float | None
    threshold: float | None
    metric: MetricName | None
    gate: str | None
    scorer: str | None
    library: str | None
    rescaled: bool | None
    generation: int
    cause: str | None
    why: str | None
    accepted_at: Timestamp
    finished_at: Timestamp | None
    metadata: dict[str, Any]
    due_at: Timestamp | UnsetType | None = UNSET
    round: int | UnsetType = UNSET


class Question(ListedQuestion, kw_only=True):
    """A question with every attempt."""

    attempts: list[Attempt]


class QuestionPage(Shape):
    questions: list[ListedQuestion]
    cursor: str | None


class Accepted(Shape):
    question_id: str
    status: Status


class AcceptedQuestions(Shape):
    """What became of each question of a request, in its order."""

    questions: list[Accepted]


class CostFigures(Shape, kw_only=True):
    """Calls counted by their starts; `repeated` are those beyond the first of the same call."""

    calls: int
    answered: int
    failed: int
    repeated: int
    prompt_tokens: int
    tokens: int
    untold: int
    seconds: float


class CostsShown(Shape, kw_only=True):
    total: CostFigures
    by_model: dict[str, CostFigures]


class QuestionCosts(CostsShown, kw_only=True):
    question_id: str


class Scored(Shape, kw_only=True):
    precision: float
    recall: float
    f1: float
    cut: bool
    threshold: float
    verdict: Literal["pass", "fail"]
    guards: list[str]


class ScorerFacts(Shape, kw_only=True):
    scorer: str
    model: str
    layer: int | None
    rescaled: bool
    library: str
    threshold: float
    metric: MetricName
    gate: str


#: One pair: its figures, and by what it was scored (structs have one base only).
PairScore = msgspec.defstruct(
    "PairScore",
    [
        (each.name, each.type)
        for part in (Scored, ScorerFacts)
        for each in msgspec.structs.fields(part)
        if part is Scored or each.name != "threshold"  # both have it, the pair's is in its language
    ],
    bases=(Shape,),
    kw_only=True,
)


class PairScores(ScorerFacts, kw_only=True):
    scores: list[Scored]


class Dependency(Shape):
    status: Literal["up", "down"]
    detail: str


class Health(Shape):
    status: Literal["healthy", "degraded", "unhealthy"]
    service: Literal["answerloop"]
    version: str
    dependencies: dict[str, Dependency]


class Alive(Shape):
    status: Literal["alive"]


class Ready(Shape):
    status: Literal["ready"]


class Index(Shape):
    service: Literal["answerloop"]
    version: str
    routes: list[str]


#: Counters by name, counts by label, and what histograms tell: docs/metrics.md names them.
Figures = dict[str, int | float | dict[str, int | float | dict[str, int | float]]]
