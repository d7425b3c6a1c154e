"""The JSON of the view of this worker, as types. A test reads real replies by them, strictly."""

from __future__ import annotations

from typing import Literal

from app.web.openapi_shapes import Dependency, Shape, Timestamp


class NamedDependency(Dependency):
    """A dependency, and how long it took to answer."""

    name: str
    seconds: float | None


class InstalledVersion(Shape):
    name: str
    version: str


class StageShown(Shape):
    """A stage on this worker's partitions; `behind`: messages of its topics not done yet.

    `queued` were handed to it and are not begun, `paused` says why it gets nothing. `in_hand` and
    `queued` are chunks where a stage reads chunks; `per_second` is of the last minute.
    """

    pipeline: str
    stage: str
    topics: list[str]
    partitions: int | None
    behind: int | None
    in_hand: int
    oldest_seconds: float | None
    waits_for: dict[str, int]
    done_last_minute: int
    per_second: float
    queued: int | None
    paused: str | None


class CommitShown(Shape):
    """A partition of this worker: `acknowledged` messages are done and not committed yet.

    `oldest_seconds` is the age of the oldest message in flight that is not done, `commit_seconds`
    the time since this worker's last commit there.
    """

    pipeline: str
    group: str
    topic: str
    partition: int
    committed: int | None
    end: int | None
    behind: int | None
    acknowledged: int | None
    oldest_seconds: float | None
    commit_seconds: float | None


class LoopLagShown(Shape):
    """How late the worker's event loop was in the last minute."""

    median_seconds: float | None
    p99_seconds: float | None
    longest_seconds: float | None


class GateShown(Shape):
    metric: Literal["f1", "recall", "precision"]
    threshold: float
    languages: dict[str, float]
    source: str
    scorer: str | None
    guards: list[str]
    max_generations: int


class SettingShown(Shape, rename={"origin": "from"}):
    setting: str
    value: str | None
    origin: Literal["set", "default"]
    meaning: str


class SystemShown(Shape):
    at: Timestamp
    version: str
    versions: list[InstalledVersion]
    started_at: Timestamp
    worker: str
    pipelines: list[str]
    status: Literal["healthy", "degraded", "unhealthy"]
    checked_at: Timestamp | None
    dependencies: list[NamedDependency]
    stages: list[StageShown]
    commits: list[CommitShown]
    event_loop: LoopLagShown
    gate: GateShown | None
    settings: list[SettingShown]
