"""What is asked, and what becomes of it: the values of the intake."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from app.core.lifecycle import ANSWERED, Status
from app.core.questions import StoredQuestion
from app.errors import InputError
from app.ports import Accepted


@dataclass(frozen=True, slots=True)
class NewQuestion:
    """A question as a client asks it. `question_id` is given when the client derived it."""

    question_text: str
    original_answer: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    question_id: str | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """A question that was taken in, or found: `stored` is what was known of it, if anything.

    Only an end of `round` or a later one is its end: an earlier round was dead. `ended` gets the
    question when this process stores its end; only when it was asked for. `unstored` is what
    nobody has stored yet, as far as is known.
    """

    question_id: str
    stored: StoredQuestion | None
    ended: asyncio.Future[StoredQuestion] | None = None
    round: int = 0
    unstored: Accepted | None = None

    def forget(self) -> None:
        """Stop waiting for the end."""
        if self.ended is not None:
            self.ended.cancel()

    @property
    def answered(self) -> bool:
        return self.stored is not None and self.stored.status in ANSWERED


@dataclass(frozen=True, slots=True)
class Asked:
    """One question of a request for several."""

    new: NewQuestion
    idempotency_key: str | None = None
    fresh: bool = False


class Found(NamedTuple):
    """One question of several, and what is known of it."""

    question_id: str
    asked: Asked
    stored: StoredQuestion | None

    @property
    def answered(self) -> bool:
        return self.stored is not None and self.stored.status in ANSWERED

    @property
    def status(self) -> Status:
        """What a client is told: where an answer is, how it ended."""
        return self.stored.status if self.stored and self.answered else Status.ACCEPTED

    @property
    def unknown(self) -> bool:
        """Whether it needs room: it is not in progress, and not answered."""
        return self.stored is None or self.stored.status is Status.DEAD


def refuse_other_body(
    before: StoredQuestion | NewQuestion, new: NewQuestion, place: str = ""
) -> None:
    """Raise InputError where an idempotency key comes again with another question."""
    same = (
        before.question_text == new.question_text
        and before.original_answer == new.original_answer
        and dict(before.metadata) == dict(new.metadata)
    )
    if not same:
        raise InputError(
            "this Idempotency-Key was used with another body: use a new key",
            field=f"{place}idempotency_key" if place else "Idempotency-Key",
        )
