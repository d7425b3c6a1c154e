"""A row of the ledger in memory, and the attempt that it is read as."""

from __future__ import annotations

from dataclasses import dataclass

from app.core.questions import Attempt, CallKey
from app.ports import CallAnswer, CallFailure, StoredVerdict


@dataclass(slots=True)
class Call:
    """A row of the ledger. `lease_until` is Unix seconds; 0 is nobody's claim."""

    model: str
    owner: str
    started_at: float
    lease_until: float = 0.0
    waited_seconds: float = 0.0
    claims: int = 1
    strategy: str | None = None
    temperature: float | None = None
    seed: int | None = None
    answer: CallAnswer | None = None
    failure: CallFailure | None = None
    verdict: StoredVerdict | None = None

    @property
    def open(self) -> bool:
        return self.answer is None and self.failure is None


def attempt_of(key: CallKey, call: Call) -> Attempt:
    """Return a call as it is read with its question."""
    outcome, verdict = call.answer or call.failure, call.verdict
    return Attempt(
        round=key.round,
        generation=key.generation,
        attempt=key.attempt,
        model=call.model,
        started_at=call.started_at,
        seconds=outcome.seconds if outcome else None,
        tokens=call.answer.tokens if call.answer else None,
        answer=call.answer.text if call.answer else None,
        cause=call.failure.cause if call.failure else None,
        score=verdict.score if verdict else None,
        waited_seconds=call.waited_seconds,
        claims=call.claims,
        prompt_tokens=call.answer.prompt_tokens if call.answer else None,
        strategy=call.strategy,
        temperature=call.temperature,
        seed=call.seed,
        verdict=verdict.status if verdict else None,
        why=verdict.why if verdict else None,
        threshold=verdict.threshold if verdict else None,
        metric=verdict.metric if verdict else None,
        gate=verdict.gate if verdict else None,
        scorer=verdict.scorer if verdict else None,
        library=verdict.library if verdict else None,
    )
