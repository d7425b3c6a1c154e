"""What a consumer hands on: raw records, and the plan by which a topic is fetched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

Headers = Sequence[tuple[str, bytes]] | Mapping[str, bytes] | None


class TopicPlan(NamedTuple):
    """How one topic is fetched.

    `max_records` bounds what one fetch of one partition delivers. With `packed`, those records
    become one Faust event whose value is the list of them.
    """

    packed: bool = False
    max_records: int = 100


class RawRecord(NamedTuple):
    """One record as it lies in the log: nothing decoded. `timestamp` is in seconds."""

    topic: str
    partition: int
    offset: int
    timestamp: float
    headers: Headers
    key: bytes | None
    value: bytes | None


DEFAULT_PLAN = TopicPlan()
CHANGELOG_PLAN = TopicPlan(max_records=1000)
"""Recovery reads changelogs alone, so a large slice delays nothing else."""
