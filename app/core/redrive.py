"""Redrive: which dead letters may come back, as what, and how fast.

A letter whose question is known comes back as that question in a new round; any other comes back
as bytes on the topic it came from. Times are Unix seconds.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, assert_never

from app.core.lifecycle import Status, Turn

#: How long a redrive may have letters in hand; then it is taken for dead, and they are free again.
LEASE_SECONDS = 30.0
#: The wire's bound of a round: a question that came back so often does not come back again.
MAX_ROUND = 10_000


class Origin(NamedTuple):
    """Where the message of a dead letter lies: what the letter is known by."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"


def parse_origin(text: str) -> Origin | None:
    """Return the origin that `topic/partition/offset` names, or None."""
    topic, _, rest = text.partition("/")
    partition, _, offset = rest.partition("/")
    numbers = (partition, offset)
    if not topic or not all(n.isascii() and n.isdigit() and len(n) <= 18 for n in numbers):
        return None
    origin = Origin(topic, int(partition), int(offset))
    return origin if origin.partition < 2**31 else None


class LetterState(StrEnum):
    """Which letters are meant: not sent again yet, sent again, or both."""

    OPEN = "open"
    REDRIVEN = "redriven"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class LetterFilter:
    """Which dead letters are meant: those that fit every part. `since` <= dead_at < `until`."""

    causes: tuple[str, ...] = ()
    topic: str | None = None
    since: float | None = None
    until: float | None = None
    attempts_at_least: int = 0
    question_id: str | None = None
    state: LetterState = LetterState.OPEN

    @property
    def narrow(self) -> bool:
        """Whether it says more than a state."""
        return self != LetterFilter(state=self.state)


@dataclass(frozen=True, slots=True)
class Mark:
    """What a redrive wrote on a letter. Without `sent_at` it may have died before it sent it."""

    redrive_id: int
    claimed_at: float
    sent_at: float | None = None
    new_round: int | None = None


class Known(NamedTuple):
    """Where a question stands now."""

    status: Status
    turn: Turn


class Refusal(StrEnum):
    """Why a letter does not come back. The value is its name for programs."""

    REDRIVEN = "redriven"
    IN_HAND = "in_hand"
    NEWER_ROUND = "newer_round"
    ENDED_OTHERWISE = "ended_otherwise"
    IN_PROGRESS = "in_progress"
    UNKNOWN_QUESTION = "unknown_question"
    TOO_MANY_ROUNDS = "too_many_rounds"
    FOREIGN_TOPIC = "foreign_topic"
    NULL_VALUE = "null_value"
    CUT = "cut"
    CHANGED = "changed"
    NOT_FOUND = "not_found"

    @property
    def meaning(self) -> str:
        return _MEANINGS[self]


_MEANINGS = {
    Refusal.REDRIVEN: "it was redriven before",
    Refusal.IN_HAND: "another redrive has it in hand; a dead one's letters are free after 30 s",
    Refusal.NEWER_ROUND: "its question was asked again since",
    Refusal.ENDED_OTHERWISE: "its question has an answer",
    Refusal.IN_PROGRESS: "its question is being answered",
    Refusal.UNKNOWN_QUESTION: "its question is not stored",
    Refusal.TOO_MANY_ROUNDS: f"its question had {MAX_ROUND} rounds",
    Refusal.FOREIGN_TOPIC: "its topic is none of this installation's (TOPIC_PREFIX?)",
    Refusal.NULL_VALUE: "its message has no value: give it one by --transform",
    Refusal.CUT: "its message was cut when it was kept: give the whole by --transform",
    Refusal.CHANGED: "it changed while it was being redriven: try again",
    Refusal.NOT_FOUND: "there is no such letter",
}


@dataclass(frozen=True, slots=True)
class AsQuestion:
    """Its question is asked again in this round."""

    round: int


@dataclass(frozen=True, slots=True)
class AsBytes:
    """Its bytes go back to the topic they came from."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """A redrive that died had sent it: the new round of its question has ended."""

    round: int


@dataclass(frozen=True, slots=True)
class Refused:
    """It stays where it is."""

    why: Refusal


Decision = AsQuestion | AsBytes | Arrived | Refused


def decide(
    mark: Mark | None,
    question_id: str | None,
    died: Turn | None,
    now_known: Known | None,
    now: float,
    lease_seconds: float = LEASE_SECONDS,
) -> Decision:
    """Decide by what is stored: the part that must hold in the transaction that claims a letter.

    `died` is the turn in which the letter's question died, `now_known` where it stands now.
    """
    if mark is not None and mark.sent_at is not None:
        return Refused(Refusal.REDRIVEN)
    if mark is not None and now < mark.claimed_at + lease_seconds:
        return Refused(Refusal.IN_HAND)
    if question_id is None or died is None:
        return AsBytes()
    if now_known is None:
        return Refused(Refusal.UNKNOWN_QUESTION)
    if mark is not None and mark.new_round is not None:
        return _again(mark.new_round, now_known)
    return _new_round(died, now_known)


def _again(new_round: int, known: Known) -> Decision:
    """A redrive died with the letter in hand: `admit` drops the same round if it was sent."""
    if known.turn.round > new_round:
        return Arrived(new_round)
    return Arrived(new_round) if known.status.final else AsQuestion(new_round)


def _new_round(died: Turn, known: Known) -> Decision:
    if known.turn.round > died.round:
        return Refused(Refusal.NEWER_ROUND)
    if not known.status.final:
        return Refused(Refusal.IN_PROGRESS)
    if known.status is not Status.DEAD:
        return Refused(Refusal.ENDED_OTHERWISE)
    if known.turn.round >= MAX_ROUND:
        return Refused(Refusal.TOO_MANY_ROUNDS)
    return AsQuestion(known.turn.round + 1)


def check_bytes(
    topic: str, size: int | None, own_topics: Collection[str], cut_at: int
) -> Refusal | None:
    """Say why a message can't go back to its topic as it is. `size` None is a null value.

    What was kept is cut at `cut_at` bytes, so a value of that size may be a part.
    """
    if topic not in own_topics:
        return Refusal.FOREIGN_TOPIC
    if size is None:
        return Refusal.NULL_VALUE
    return Refusal.CUT if size >= cut_at else None


def shown_state(mark: Mark | None) -> str:
    """Return the state of a letter in one word: open, redriving or redriven."""
    if mark is None:
        return "open"
    return "redriving" if mark.sent_at is None else "redriven"


def outcome_word(decision: Decision) -> str:
    """Return what a plan calls a decision."""
    match decision:
        case AsQuestion():
            return "question"
        case AsBytes():
            return "bytes"
        case Arrived():
            return "arrived"
        case Refused(why):
            return str(why)
        case _:
            assert_never(decision)


@dataclass(frozen=True, slots=True)
class Pace:
    """`per_second` letters a second, None: as fast as they go."""

    per_second: float | None = None

    def batch(self, at_most: int) -> int:
        """Return how many to send at once: what half a second brings, and at least one."""
        if self.per_second is None:
            return at_most
        return max(1, min(at_most, int(self.per_second / 2)))

    def wait(self, sent: int, started: float, now: float) -> float:
        """Return how long to wait before the next, after `sent` since `started`."""
        if self.per_second is None:
            return 0.0
        return max(0.0, started + sent / self.per_second - now)


#: Letters that were not redriven are kept this long, unless a filter names them.
KEEP_SECONDS = 30 * 86_400.0


def purge_filters(wanted: LetterFilter, *, explicit: bool, now: float) -> list[LetterFilter]:
    """Return which letters a purge removes.

    `explicit` means that the caller chose a filter or a state. Without one: what was redriven, and
    what is older than `KEEP_SECONDS`, so that no letter is lost before somebody saw it.
    """
    if explicit:
        return [wanted]
    return [
        LetterFilter(state=LetterState.REDRIVEN),
        LetterFilter(state=LetterState.OPEN, until=now - KEEP_SECONDS),
    ]
