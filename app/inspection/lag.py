"""How far behind a group is: what is late, beside what waits by design.

A retry that waits is acknowledged: it lies in table `retries`, not on a topic, and the database
has it as `waiting` until its due time. So the lag of a topic is late work, and a question that
waits is not, as long as it is not due.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.core.questions import timestamp
from app.inspection.groups import GroupRow
from app.inspection.reader import GroupState
from app.ports import AnswerStore


@dataclass(frozen=True, slots=True)
class TopicLag:
    """Records of a topic that the group has not acknowledged, and the time of the oldest."""

    topic: str
    late: int
    oldest_at: float | None


@dataclass(frozen=True, slots=True)
class GroupLag:
    """The lag of a group, by topic."""

    group: str
    state: str
    topics: tuple[TopicLag, ...]

    @property
    def late(self) -> int:
        return sum(topic.late for topic in self.topics)

    def as_json(self, now: float) -> dict[str, Any]:
        return {
            "group": self.group,
            "state": self.state,
            "late": self.late,
            "topics": [
                {
                    "topic": topic.topic,
                    "late": topic.late,
                    "oldest_at": timestamp(topic.oldest_at),
                    "oldest_age_seconds": age(topic.oldest_at, now),
                }
                for topic in self.topics
            ],
        }


@dataclass(frozen=True, slots=True)
class Waits:
    """Questions that wait for a retry, by cause, and how many of all are due already."""

    by_cause: tuple[tuple[str, int, float], ...]
    """Cause, questions, next due time (Unix seconds)."""
    due: int

    @property
    def questions(self) -> int:
        return sum(count for _, count, _ in self.by_cause)

    def as_json(self) -> dict[str, Any]:
        return {
            "questions": self.questions,
            "by_design": self.questions - self.due,
            "due": self.due,
            "by_cause": [
                {"cause": cause, "questions": count, "next_due_at": timestamp(due)}
                for cause, count, due in self.by_cause
            ],
        }


def age(since: float | None, now: float) -> float | None:
    """Return for how long something has been there, in seconds."""
    return None if since is None else round(max(0.0, now - since), 3)


def group_lag(state: GroupState, rows: Sequence[GroupRow]) -> GroupLag:
    """Add up the partitions of each topic."""
    by_topic: defaultdict[str, list[GroupRow]] = defaultdict(list)
    for row in rows:
        by_topic[row.topic].append(row)
    return GroupLag(
        state.name,
        state.state,
        tuple(
            TopicLag(
                topic,
                sum(row.lag or 0 for row in own),
                min((row.oldest_at for row in own if row.oldest_at is not None), default=None),
            )
            for topic, own in by_topic.items()
        ),
    )


async def read_waits(store: AnswerStore, now: float) -> Waits:
    """Return what waits, of the whole installation. Raises StoreUnavailable."""
    found = await store.in_progress()
    due, _ = await store.due_counts([now])
    return Waits(tuple((wait.cause, wait.questions, wait.next_due_at) for wait in found.waits), due)
