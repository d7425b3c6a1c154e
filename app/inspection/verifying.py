"""Whether topics are as the pipeline needs them: settings, partitions, and every record on them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.broker.topic_admin import TopicState, compare
from app.inspection.decoding import TopicDecoder
from app.inspection.reader import Span, TopicReader, read_through
from app.settings import Settings
from app.topics import TopicSpec
from app.transports import RawRecord
from app.transports.embedded.storage import PartitionKey, murmur2_partition

Progress = Callable[[str, int], None]


@dataclass
class TopicCheck:
    """What was found on one topic. `messages` None: the topic is not there."""

    topic: str
    record: str
    messages: int | None = None
    undecodable: int = 0
    misplaced: int = 0
    """Records whose key belongs on another partition."""
    first_bad: tuple[int, int, str] | None = None
    """Partition, offset and reason of the first record that does not fit."""
    differences: list[str] = field(default_factory=list)
    """Settings that are not as in the table of topics."""

    @property
    def ok(self) -> bool:
        return self.messages is not None and not (
            self.undecodable or self.misplaced or self.differences
        )

    def as_json(self) -> dict[str, Any]:
        first = self.first_bad
        return {
            "topic": self.topic,
            "record": self.record,
            "ok": self.ok,
            "there": self.messages is not None,
            "messages": self.messages,
            "undecodable": self.undecodable,
            "misplaced": self.misplaced,
            "first_bad": first and {"partition": first[0], "offset": first[1], "reason": first[2]},
            "differences": self.differences,
        }

    def note(self, record: RawRecord, reason: str) -> None:
        """Keep the first bad record in the order of reading."""
        if self.first_bad is None:
            self.first_bad = (record.partition, record.offset, reason)


async def verify_topics(
    settings: Settings,
    reader: TopicReader,
    specs: Sequence[TopicSpec],
    there: dict[str, TopicState],
    spans: dict[PartitionKey, Span],
    progress: Progress,
) -> list[TopicCheck]:
    """Read each topic within its spans; `progress` gets (topic, records read since the last word).

    Raises BrokerUnavailable.
    """
    checks = []
    for spec in specs:
        decoder = TopicDecoder(settings, spec.name)
        check = TopicCheck(spec.name, decoder.record)
        checks.append(check)
        state = there.get(spec.name)
        if state is None:
            check.differences.append("it is not there: answerloop topics create makes it")
            continue
        check.differences += compare(spec, state)
        check.messages = 0
        own = {tp: span for tp, span in spans.items() if tp[0] == spec.name}
        async for records in read_through(reader, own):
            _check_all(check, decoder, records, len(own))
            progress(spec.name, len(records))
    return checks


def _check_all(
    check: TopicCheck, decoder: TopicDecoder, records: Sequence[RawRecord], partitions: int
) -> None:
    check.messages = (check.messages or 0) + len(records)
    for record in records:
        if (problem := decoder.problem(record)) is not None:
            check.undecodable += 1
            check.note(record, problem)
        elif decoder.keyed_by_us and record.key is not None:
            right = murmur2_partition(record.key, partitions)
            if right != record.partition:
                check.misplaced += 1
                check.note(record, f"its key belongs on partition {right}")


def unequal_partitions(specs: Sequence[TopicSpec], there: dict[str, TopicState]) -> str | None:
    """Say which topics of the questions differ in their partitions: they must not."""
    counts = {spec.name: there[spec.name].partitions for spec in specs if spec.name in there}
    if len(set(counts.values())) <= 1:
        return None
    usual, _ = Counter(counts.values()).most_common(1)[0]
    others = [f"{name} {count}" for name, count in counts.items() if count != usual]
    return f"most have {usual} partitions, but: {', '.join(others)}"
