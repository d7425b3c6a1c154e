"""The whole journey of one question: what the topics and the database know of it, by time."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from app.core.lifecycle import Turn
from app.core.questions import StoredQuestion
from app.core.redrive import LetterFilter, LetterState
from app.errors import UnavailableError
from app.inspection.hops import DATABASE, Hop, hops_of_letter, hops_of_question
from app.inspection.reader import Span, TopicMissing, TopicReader
from app.inspection.record_hops import hop_of_record
from app.ports import AnswerStore
from app.ports.letters import DeadLetterRow
from app.settings import Settings
from app.topics import RETENTION_MS, topic_names, topic_table
from app.tracing import carrier_of
from app.transports.embedded.storage import PartitionKey, murmur2_partition
from app.wire import TopicSchema
from models.questions import RetryDue

#: Clocks differ, and a record's time is that of its producer.
_MARGIN_SECONDS = 60.0
_MOST_LETTERS = 200
#: Called with (offsets looked at, offsets to look at).
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Journey:
    """What is known of a question, by time. `missing` names what could not be asked, and why."""

    question_id: str
    hops: tuple[Hop, ...]
    question: StoredQuestion | None
    status: str | None
    """As the database says; without it, as the topics say; None: neither does."""
    searched: int
    since: float
    missing: tuple[str, ...] = ()
    trace_ids: tuple[str, ...] = ()
    """As the headers of the records say, in the order in which they began; mostly one."""

    @property
    def known(self) -> bool:
        return bool(self.hops) or self.question is not None

    def as_json(self) -> dict[str, Any]:
        first = self.hops[0].at if self.hops else self.since
        question = None if self.question is None else self.question.as_json()
        return {
            "question_id": self.question_id,
            "status": self.status,
            "trace_ids": list(self.trace_ids),
            "hops": [hop.as_json(first) for hop in self.hops],
            "question": question,
            "searched": self.searched,
            "missing": list(self.missing),
        }


@dataclass(frozen=True, slots=True)
class _Stored:
    question: StoredQuestion | None
    letters: Sequence[DeadLetterRow]


async def trace(
    settings: Settings,
    question_id: str,
    reader: TopicReader | UnavailableError,
    store: AnswerStore | UnavailableError,
    *,
    since: float | None = None,
    progress: Progress = lambda _looked, _of: None,
) -> Journey:
    """Return the journey of a question, from both sides or from the one that can be asked.

    Reads the partition of its key of each topic, from `since` (Unix seconds; by default when the
    database says that it was accepted, else 7 days ago) to the end as it is now. A side that is an
    error, or becomes one, is named in `missing`.
    """
    missing: list[str] = []
    stored = await _from_database(store, question_id, missing)
    begin = _begin(stored.question, stored.letters) if since is None else since
    hops: list[Hop] = []
    due: dict[Turn, float] = {}
    traces: dict[str, float] = {}
    searched = 0
    if isinstance(reader, UnavailableError):
        missing.append(f"topics: {reader}")
    else:
        try:
            spans = await _spans(settings, reader, question_id, begin, missing)
            total = sum(span.messages for span in spans.values())
            schema = TopicSchema(
                {s.name: s.record for s in topic_table(settings) if s.record is not None}
            )
            names = topic_names(settings)
            async for looked, records in reader.find(question_id.encode(), spans):
                searched += looked
                progress(searched, total)
                for raw in records:
                    found = schema.read(raw.topic, raw.key, raw.value)
                    if isinstance(found, RetryDue):
                        due.setdefault(found.turn, found.due_at)
                    hops.append(hop_of_record(names, raw, found))
                    if (context := carrier_of(raw.headers)) is not None:
                        known = traces.get(context.trace_id, raw.timestamp)
                        traces[context.trace_id] = min(known, raw.timestamp)
        except UnavailableError as error:
            missing.append(f"topics: {error}")
    if stored.question is not None:
        hops += list(hops_of_question(stored.question, list(hops)))
    for letter in stored.letters:
        hops += list(hops_of_letter(letter, list(hops)))
    ordered = _in_order(hops)
    return Journey(
        question_id,
        tuple(_with_waits(ordered, due, stored.question)),
        stored.question,
        _status(stored.question, ordered),
        searched,
        begin,
        tuple(missing),
        tuple(sorted(traces, key=traces.__getitem__)),
    )


async def _from_database(
    store: AnswerStore | UnavailableError, question_id: str, missing: list[str]
) -> _Stored:
    if isinstance(store, UnavailableError):
        missing.append(f"database: {store}")
        return _Stored(None, ())
    wanted = LetterFilter(question_id=question_id, state=LetterState.ALL)
    try:
        return _Stored(
            await store.question(question_id),
            await store.dead_letters(wanted, limit=_MOST_LETTERS, with_bytes=False),
        )
    except UnavailableError as error:
        missing.append(f"database: {error}")
        return _Stored(None, ())


def _begin(question: StoredQuestion | None, letters: Sequence[DeadLetterRow]) -> float:
    """Return the time before which nothing of the question can have been written."""
    if question is None:
        return time.time() - RETENTION_MS / 1000.0
    times = [question.accepted_at, *(attempt.started_at for attempt in question.attempts)]
    times += [letter.first_seen_at for letter in letters]
    return min(times) - _MARGIN_SECONDS


async def _spans(
    settings: Settings, reader: TopicReader, question_id: str, begin: float, missing: list[str]
) -> dict[PartitionKey, Span]:
    """Return what is to be read: of each topic the one partition of the key."""
    there = set(await reader.topics())
    names = [spec.name for spec in topic_table(settings)]
    if absent := [name for name in names if name not in there]:
        missing.append(f"topics that are not there: {', '.join(absent)}")
    counts: dict[str, int] = {}
    for topic, _ in await reader.partitions([name for name in names if name in there]):
        counts[topic] = counts.get(topic, 0) + 1
    if not counts:
        raise TopicMissing(f"{reader.where} has no topic of the questions")
    key = question_id.encode()
    partitions = [(topic, murmur2_partition(key, count)) for topic, count in counts.items()]
    starts = await reader.offsets_at(partitions, begin)
    spans = await reader.spans(partitions)
    return {tp: Span(max(starts[tp], span.start), span.end) for tp, span in spans.items()}


def _in_order(hops: Sequence[Hop]) -> list[Hop]:
    """Return the hops by time; what is of one time in the order of its turn, as it was found."""
    return sorted(hops, key=lambda hop: hop.at)


def _with_waits(
    hops: Sequence[Hop], due: dict[Turn, float], question: StoredQuestion | None
) -> list[Hop]:
    """Put the wait that was asked for beside each retry: its due time less when it was wanted."""
    if question is not None and question.due_at is not None:
        due.setdefault(question.turn, question.due_at)
    found = []
    for hop in hops:
        if hop.what == "retry wanted" and hop.turn in due:
            asked = max(0.0, due[hop.turn] - hop.at)
            found.append(replace(hop, wait_asked=round(asked, 3)))
        else:
            found.append(hop)
    return found


def _status(question: StoredQuestion | None, hops: Sequence[Hop]) -> str | None:
    if question is not None:
        return str(question.status)
    said = [hop for hop in hops if hop.status is not None and hop.topic != DATABASE]
    latest = max(said, key=lambda hop: (hop.round or 0, hop.at), default=None)
    return None if latest is None else latest.status
