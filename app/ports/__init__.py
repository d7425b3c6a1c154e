"""The ports: what the stages need of the outside world. Agents see only these, never adapters.

Every port has an in-memory twin in `app/adapters` and one contract suite in `tests/adapters` that
runs on the twin and on the real thing.
"""

from __future__ import annotations

from dataclasses import dataclass

from app.ports.cache import AnswerCache
from app.ports.clock import Clock
from app.ports.facts import (
    Accepted,
    Busy,
    CallAnswer,
    CallFailure,
    Claim,
    Claimed,
    ClaimRequest,
    Ending,
    Over,
    Overdue,
    Page,
    StoredVerdict,
    SweepLimits,
    Waiting,
)
from app.ports.letters import DeadLetterRow
from app.ports.model import LanguageModel, ModelAnswer
from app.ports.scorer import KeepsReferences, Scorer
from app.ports.store import AnswerStore

__all__ = [
    "Accepted",
    "AnswerCache",
    "AnswerStore",
    "Busy",
    "CallAnswer",
    "CallFailure",
    "Claim",
    "ClaimRequest",
    "Claimed",
    "Clock",
    "DeadLetterRow",
    "Ending",
    "KeepsReferences",
    "LanguageModel",
    "ModelAnswer",
    "Over",
    "Overdue",
    "Page",
    "Ports",
    "Scorer",
    "StoredVerdict",
    "SweepLimits",
    "Waiting",
]


@dataclass(frozen=True, slots=True)
class Ports:
    """The outside world of one engine."""

    model: LanguageModel
    scorer: Scorer
    store: AnswerStore
    cache: AnswerCache
    clock: Clock
