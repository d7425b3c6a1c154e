"""The JSON of the dashboard's views, as types. A test reads real replies by them, strictly."""

from __future__ import annotations

from typing import Literal

from app.core.lifecycle import Status
from app.web.openapi_letters import ListedLetter
from app.web.openapi_shapes import Question, Shape, Timestamp


class FindingShown(Shape):
    level: Literal["bad", "warn"]
    text: str


class WaitsOfCause(Shape):
    cause: str
    questions: int
    next_due_at: Timestamp


class QuestionFigures(Shape):
    accepted: int
    in_progress: int
    by_status: dict[Status, int]
    counted_at: Timestamp
    oldest_at: Timestamp | None
    oldest_seconds: float | None
    waiting: list[WaitsOfCause]


class ModelFigures(Shape):
    """This worker's calls. Percentiles are of those that were answered in the last minute."""

    model: str | None
    where: str | None
    calls: int
    by_outcome: dict[str, int]
    tokens: dict[str, int]
    retries: int
    regenerations: int
    recent_calls: int
    p50_seconds: float | None
    p95_seconds: float | None
    in_flight: int
    in_line: int
    limit: int
    ceiling: int
    breaker: Literal["closed", "half_open", "open"]
    pause_seconds: float


class OverviewShown(Shape):
    """`questions` is null while the database has never been reached."""

    at: Timestamp
    version: str
    pipelines: list[str]
    status: Literal["healthy", "degraded", "unhealthy"]
    findings: list[FindingShown]
    questions: QuestionFigures | None
    model: ModelFigures | None


class LiveEvent(Shape):
    """A server-sent event; `data` is JSON."""

    event: Literal["history", "state"]
    data: str


class QuestionListed(Shape):
    question_id: str
    status: Status
    question_text: str
    answer: str | None
    f1: float | None
    score: float | None
    metric: Literal["f1", "recall", "precision"] | None
    threshold: float | None
    cause: str | None
    round: int
    generation: int
    attempt: int
    accepted_at: Timestamp
    finished_at: Timestamp | None
    due_at: Timestamp | None


class QuestionsShown(Shape):
    questions: list[QuestionListed]
    cursor: str | None
    searched_to: Timestamp | None
    counts: dict[Status, int] | None


class CallShown(Shape):
    """What the ledger has beside an attempt."""

    round: int
    generation: int
    attempt: int
    claims: int
    prompt_tokens: int | None
    detail: str | None
    http_status: int | None
    retry_after_seconds: float | None
    finish_reason: str | None


class QuestionWithModel(Question, kw_only=True):
    model: str


class QuestionShown(Shape):
    question: QuestionWithModel
    calls: list[CallShown]
    letters: list[ListedLetter]
    max_generations: int


class HopShown(Shape, kw_only=True):
    """One thing that happened; topic `database` is what only the database knows."""

    at: Timestamp
    since_start_seconds: float
    topic: str
    partition: int | None
    offset: int | None
    stage: str | None
    record: str | None
    what: str
    round: int | None
    generation: int | None
    attempt: int | None
    cause: str | None
    wait_asked_seconds: float | None
    waited_seconds: float | None
    f1: float | None
    tokens: int | None
    seconds: float | None
    model: str | None
    answer: str | None
    detail: str | None
    status: str | None


class JourneyShown(Shape):
    """`searched` records were looked at; `missing` names what could not be asked, and why."""

    status: str | None
    hops: list[HopShown]
    searched: int
    missing: list[str]


class DueHistogram(Shape):
    """Waits by due time: `late`, columns of `width_seconds` from now on, `later`."""

    late: int
    width_seconds: int
    columns: list[int]
    later: int


class RetriesShown(Shape):
    at: Timestamp
    waiting: int
    by_cause: list[WaitsOfCause]
    due: DueHistogram
    questions: list[QuestionListed]
    cursor: str | None


class WaitReleased(Shape):
    question_id: str
    cause: str | None
    due_at: Timestamp | None


class Released(Shape):
    dry_run: bool
    waiting: int
    released: int
    failed: int
    waits: list[WaitReleased]
    cursor: str | None
