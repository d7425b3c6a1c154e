"""What the lifecycle's world is made of: its settings, its messages, and how a promise breaks."""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from app.core.gate import Gate
from app.core.lifecycle import Status, Turn
from app.core.retry import RetryPolicy

T = TypeVar("T")

POLICY = RetryPolicy(5.0, 40.0, 2, 60.0, 2, 0.0)
GATE = Gate(threshold=0.6)
MAX_GENERATIONS = 3
MAX_CALLS = MAX_GENERATIONS + POLICY.overload_max_retries + POLICY.quota_max_retries


class Broken(AssertionError):
    """A promise was broken."""


def promise(kept: bool, words: str) -> None:
    if not kept:
        raise Broken(words)


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine of the memory store: it never waits."""
    try:
        work.send(None)
    except StopIteration as done:
        found: T = done.value
        return found
    raise RuntimeError("the memory store waits for nothing")


@dataclass(frozen=True)
class Best:
    """The best scored attempt so far, as it travels with its question."""

    score: float
    answer: str
    turn: Turn


@dataclass(frozen=True)
class Message:
    """A message of the log: its topic, question, turn, and what only some have."""

    topic: str
    question_id: str
    turn: Turn
    best: Best | None = None
    text: str = ""
    status: Status | None = None
