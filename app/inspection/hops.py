"""A hop: one thing that happened to a question; and those that the database knows of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from app.core.lifecycle import Turn
from app.core.questions import Attempt, StoredQuestion, timestamp
from app.ports.letters import DeadLetterRow

DATABASE = "database"


@dataclass(frozen=True, slots=True)
class Hop:
    """One thing that happened to a question. Times are Unix seconds, lengths seconds.

    `topic` is `database` for a fact of the database, which has no partition and offset.
    `wait_asked` is the time from a failure to the due time of its retry, `waited` what a call
    really waited, `seconds` the length of a call.
    """

    at: float
    topic: str
    what: str
    partition: int | None = None
    offset: int | None = None
    stage: str | None = None
    record: str | None = None
    round: int | None = None
    generation: int | None = None
    attempt: int | None = None
    cause: str | None = None
    wait_asked: float | None = None
    waited: float | None = None
    f1: float | None = None
    tokens: int | None = None
    seconds: float | None = None
    model: str | None = None
    answer: str | None = None
    detail: str | None = None
    status: str | None = None
    """The state in which the question is from here on, where this hop says so."""

    @property
    def turn(self) -> Turn | None:
        """The call that it belongs to, None for a hop of a round or of the question as a whole."""
        if self.round is None or self.generation is None or self.attempt is None:
            return None
        return Turn(self.round, self.generation, self.attempt)

    def as_json(self, first: float) -> dict[str, Any]:
        """Return it as JSON; `first` is the time that `since_start_seconds` counts from."""
        return {
            "at": timestamp(self.at),
            "since_start_seconds": round(self.at - first, 3),
            "topic": self.topic,
            "partition": self.partition,
            "offset": self.offset,
            "stage": self.stage,
            "record": self.record,
            "what": self.what,
            "round": self.round,
            "generation": self.generation,
            "attempt": self.attempt,
            "cause": self.cause,
            "wait_asked_seconds": self.wait_asked,
            "waited_seconds": self.waited,
            "f1": self.f1,
            "tokens": self.tokens,
            "seconds": self.seconds,
            "model": self.model,
            "answer": self.answer,
            "detail": self.detail,
            "status": self.status,
        }


def hops_of_question(question: StoredQuestion, known: Iterable[Hop]) -> Iterator[Hop]:
    """Give what the database knows of a question, without what the topics (`known`) say already."""
    on_topics = {(hop.what, hop.turn) for hop in known}
    if not any(hop.what == "accepted" for hop in known):
        yield Hop(question.accepted_at, DATABASE, "accepted", model=question.model)
    for attempt in question.attempts:
        yield from _hops_of_attempt(attempt, on_topics)
    if question.due_at is not None and not question.status.final:
        yield Hop(
            question.due_at,
            DATABASE,
            "due",
            cause=question.cause,
            status="waiting",
            **question.turn._asdict(),
        )
    if question.finished_at is not None:
        yield Hop(
            question.finished_at,
            DATABASE,
            "ended",
            cause=question.cause,
            f1=question.score.f1 if question.score else None,
            status=str(question.status),
            **question.turn._asdict(),
        )


def _hops_of_attempt(attempt: Attempt, on_topics: set[tuple[str, Turn | None]]) -> Iterator[Hop]:
    turn = Turn(attempt.round, attempt.generation, attempt.attempt)
    if attempt.claims:
        again = f", {attempt.claims} times" if attempt.claims > 1 else ""
        yield Hop(
            attempt.started_at,
            DATABASE,
            f"call begins{again}",
            stage="ask",
            model=attempt.model,
            waited=attempt.waited_seconds or None,
            **turn._asdict(),
        )
    what = None
    if attempt.answer is not None:
        what = "answered"
    elif attempt.cause is not None:
        what = "failed"
    if what is None or (what, turn) in on_topics:
        return
    yield Hop(
        attempt.started_at + (attempt.seconds or 0.0),
        DATABASE,
        what,
        stage="ask",
        cause=attempt.cause,
        tokens=attempt.tokens,
        seconds=attempt.seconds,
        model=attempt.model,
        answer=attempt.answer,
        f1=attempt.score.f1 if attempt.score else None,
        **turn._asdict(),
    )


def hops_of_letter(letter: DeadLetterRow, known: Iterable[Hop]) -> Iterator[Hop]:
    """Give what the database knows of a dead letter of the question, and of its redrive."""
    turn = letter.turn._asdict() if letter.turn else {}
    if not any(hop.what == "dead letter" and hop.turn == letter.turn for hop in known):
        yield Hop(
            letter.dead_at,
            DATABASE,
            "dead letter",
            cause=letter.cause,
            detail=letter.detail or None,
            **turn,
        )
    mark = letter.mark
    if mark is not None and mark.sent_at is not None:
        detail = f"redrive {mark.redrive_id}, letter {letter.origin}"
        yield Hop(mark.sent_at, DATABASE, "redriven", round=mark.new_round, detail=detail)
