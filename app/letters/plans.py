"""What a redrive goes by, what it would do, and what it did: values without doings."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from app.core.redrive import Origin, Refusal
from app.letters.sender import Message
from app.ports.letters import DeadLetterRow, LetterPosition, LetterWish
from app.settings import Settings
from app.topics import TopicNames, rating_topic_names, topic_names


@dataclass(frozen=True, slots=True)
class Rules:
    """What an installation says about redriving."""

    names: TopicNames
    deadline_seconds: float
    ratings: str
    """The topic that refused ratings came from; the workers of another pipeline read it."""

    @classmethod
    def of(cls, settings: Settings) -> Rules:
        """Return the rules of an installation."""
        ratings = rating_topic_names(settings).ratings
        return cls(topic_names(settings), settings.deadline_seconds, ratings)

    @property
    def own_topics(self) -> tuple[str, ...]:
        """Topics that bytes may go back to."""
        return (*self.names, self.ratings)


@dataclass(frozen=True, slots=True)
class Mended:
    """New bytes for a letter, by `--transform`. `key` None keeps the key."""

    value: bytes
    key: bytes | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """A letter with what is to be sent of it, or why nothing is."""

    letter: DeadLetterRow
    outcome: str
    message: Message | None = None
    wish: LetterWish | None = None
    reason: str = ""


@dataclass
class Plan:
    """What a redrive would do."""

    examined: int = 0
    questions: int = 0
    bytes_: int = 0
    by_cause: Counter[str] = field(default_factory=Counter)
    by_topic: Counter[str] = field(default_factory=Counter)
    refused: Counter[Refusal] = field(default_factory=Counter)
    until: float = 0.0
    next: LetterPosition | None = None

    @property
    def planned(self) -> int:
        return self.questions + self.bytes_


class Result(NamedTuple):
    """What became of a letter: sent, arrived, refused or failed."""

    origin: Origin
    outcome: str
    reason: str = ""
    question_id: str | None = None
    round: int | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """What a request did. `next` is where the following one begins."""

    redrive_id: int
    results: list[Result]
    next: LetterPosition | None = None

    def count(self, *outcomes: str) -> int:
        return sum(result.outcome in outcomes for result in self.results)
