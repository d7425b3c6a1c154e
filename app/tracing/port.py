"""What the stages see of tracing, and the one that is in force while nobody collects traces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Protocol

from app.core.strategies import Prompt
from app.ports.model import ModelAnswer
from app.tracing.carrier import Carrier
from app.transports import RawRecord
from app.wire import Arrival
from models.questions import LlmRequest, Question

MessageHeaders = list[tuple[str, bytes]]
#: Attributes of a span. None: not known, and not told.
Facts = Mapping[str, str | int | float | bool | None]


@dataclass(frozen=True, slots=True)
class EndedWait:
    """A retry's wait that is over. Times are Unix seconds; `attempt` is the one that failed."""

    question_id: str
    round: int
    generation: int
    attempt: int
    kind: str
    began_at: float
    due_at: float | None
    early: bool


@dataclass(frozen=True, slots=True)
class Resumed:
    """Work that goes on with what the database kept. `key` is what its span goes by.

    `stored`: the trace context of the row, None in older ones.
    """

    key: str
    facts: Facts
    stored: Carrier | None


@dataclass(frozen=True, slots=True)
class Incoming:
    """A question on its way to the log.

    `parent` is the trace context of whoever asked, `before` that of the same question's earlier
    round, or of its round that goes on.
    """

    question: Question
    parent: Carrier | None
    before: Carrier | None


class StageSpan(Protocol):
    """The spans of the messages that a stage has in hand."""

    @property
    def trace_id(self) -> str | None:
        """The trace, where the stage has one message in hand and its trace is recorded."""
        ...

    def failed(self, error: BaseException) -> None:
        """Record an error that ends the stage's work on all of them."""
        ...


class CallSpan(Protocol):
    """The span of one model call. An LlmFailed that leaves its context is its error."""

    def answered(self, answer: ModelAnswer) -> None: ...


class BatchSpan(Protocol):
    """The span of many messages, or rows, that go through a stage together."""

    @property
    def carrier(self) -> Carrier | None:
        """Where its trace goes on."""
        ...

    @property
    def headers(self) -> MessageHeaders | None:
        """The headers of what is sent because of it."""
        ...

    def note(self, facts: Facts, *, event: str | None = None) -> None:
        """Add facts, and that something happened now."""
        ...

    def failed(self, error: BaseException) -> None:
        """Record an error that does not leave its context."""
        ...


class Tracing(Protocol):
    """Records what happens to questions. No method waits, and none fails."""

    @property
    def on(self) -> bool:
        """Whether anybody collects traces."""
        ...

    def intake(self, questions: Sequence[Incoming], source: str) -> AbstractContextManager[None]:
        """Put questions on the log."""
        ...

    def redrive(self, letters: Sequence[Resumed]) -> AbstractContextManager[None]:
        """Put dead letters on the log again: a new trace each, linked to that of its death."""
        ...

    def sweep(self, questions: Sequence[Resumed]) -> AbstractContextManager[None]:
        """Put lost questions on the log again, in the trace of their round."""
        ...

    def stage(self, stage: str, arrivals: Sequence[Arrival]) -> AbstractContextManager[StageSpan]:
        """Work on messages. What is sent meanwhile carries on the trace of its question."""
        ...

    def call(
        self, request: LlmRequest, model: str, prompt: Prompt, where: str
    ) -> AbstractContextManager[CallSpan]:
        """Ask a model; the question's stage is the parent."""
        ...

    def scoring(self, question_id: str, scorer: str) -> AbstractContextManager[None]:
        """Score an answer; the question's stage is the parent."""
        ...

    def batch(
        self, stage: str, raws: Sequence[RawRecord], now: float
    ) -> AbstractContextManager[BatchSpan]:
        """Work on a chunk of messages: a trace of its own, linked to those that they carry.

        `now` is in Unix seconds.
        """
        ...

    def work(self, name: str, after: Sequence[Carrier] = ()) -> AbstractContextManager[BatchSpan]:
        """Do something for many at once: a trace of its own, linked to what it comes after."""
        ...

    def waited(self, wait: EndedWait, parent: Carrier | None) -> None:
        """Record a wait that ends now; the call that follows has it as its parent."""
        ...

    def note(self, question_id: str, facts: Facts, *, error: str | None = None) -> None:
        """Add facts to the span of the stage that has a question in hand."""
        ...

    def carrier(self, key: str) -> Carrier | None:
        """Return where the trace of a question goes on after the stage that has it in hand."""
        ...

    def headers(self, key: str) -> MessageHeaders | None:
        """Return the headers of a message with this key."""
        ...

    def trace_id(self, question_id: str | None = None) -> str | None:
        """Return the recorded trace of a question in hand, or of the only one in hand."""
        ...

    async def close(self) -> None:
        """Send what is left, within a time."""
        ...


class _NoSpan:
    trace_id: str | None = None
    carrier: Carrier | None = None
    headers: MessageHeaders | None = None

    def note(self, *_: Any, **__: Any) -> None: ...

    def failed(self, error: BaseException) -> None: ...

    def answered(self, answer: ModelAnswer) -> None: ...

    def __enter__(self) -> _NoSpan:
        return self

    def __exit__(self, *_: object) -> None: ...


_NO_SPAN = _NoSpan()


#: One for all: this is in the way of every message.
_NOTHING = nullcontext()


class NoTracing:
    """Records nothing, and sends no headers."""

    on = False

    def intake(self, *_: Any) -> AbstractContextManager[None]:
        return _NOTHING

    def redrive(self, *_: Any) -> AbstractContextManager[None]:
        return _NOTHING

    def sweep(self, *_: Any) -> AbstractContextManager[None]:
        return _NOTHING

    def stage(self, *_: Any) -> AbstractContextManager[StageSpan]:
        return _NO_SPAN

    def call(self, *_: Any) -> AbstractContextManager[CallSpan]:
        return _NO_SPAN

    def scoring(self, *_: Any) -> AbstractContextManager[None]:
        return _NOTHING

    def batch(self, *_: Any) -> AbstractContextManager[BatchSpan]:
        return _NO_SPAN

    def work(self, *_: Any) -> AbstractContextManager[BatchSpan]:
        return _NO_SPAN

    def waited(self, *_: Any) -> None: ...

    def note(self, *_: Any, **__: Any) -> None: ...

    def carrier(self, key: str) -> Carrier | None:  # noqa: ARG002 (the port's)
        return None

    def headers(self, key: str) -> MessageHeaders | None:  # noqa: ARG002 (the port's)
        return None

    def trace_id(self, question_id: str | None = None) -> str | None:  # noqa: ARG002 (the port's)
        return None

    async def close(self) -> None: ...


NO_TRACING: Tracing = NoTracing()
