"""Facts to tell a store, for its contract suite."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from app.core.gate import Score
from app.core.lifecycle import Status, Turn
from app.core.questions import CallKey, StoredQuestion
from app.ports import (
    Accepted,
    AnswerStore,
    CallAnswer,
    CallFailure,
    Claim,
    Claimed,
    ClaimRequest,
    DeadLetterRow,
    Ending,
    StoredVerdict,
    Waiting,
)

FIRST = Turn(0, 1, 1)
SCORE = Score(0.81, 0.79, 0.8)
VERDICT = StoredVerdict(
    Status.VALIDATED,
    SCORE,
    0.75,
    "f1",
    "minilm-l6:6",
    "f1 0.800 >= 0.750",
    library="bert-score 0.3.13",
    gate="profile minilm-l6",
)


def accepted(question_id: str = "q", turn: Turn = FIRST, **changes: Any) -> Accepted:
    facts: dict[str, Any] = {
        "question_text": "¿Cuál es la capital de Chile?",
        "original_answer": "Santiago",
        "model": "smol",
        "accepted_at": 1_700_000_000.125,
        "metadata": {"row": 7},
    }
    return Accepted(question_id=question_id, turn=turn, **(facts | changes))


def ending(
    question_id: str = "q", turn: Turn = FIRST, status: Status = Status.VALIDATED, **changes: Any
) -> Ending:
    facts: dict[str, Any] = {
        "question_text": "¿Cuál es la capital de Chile?",
        "original_answer": "Santiago",
        "model": "smol",
        "accepted_at": 1_700_000_000.125,
        "finished_at": 1_700_000_009.5,
        "answer": "Santiago de Chile",
        "score": SCORE,
        "threshold": 0.75,
        "metric": "f1",
        "gate": "profile minilm-l6",
        "scorer": "minilm-l6:6",
        "library": "bert-score 0.3.13",
        "why": "f1 0.800 >= 0.750",
        "metadata": {"row": 7},
    }
    return Ending(question_id=question_id, turn=turn, status=status, **(facts | changes))


def call(question_id: str = "q", turn: Turn = FIRST) -> CallKey:
    return CallKey(question_id, *turn)


def request(
    question_id: str = "q", turn: Turn = FIRST, owner: str = "worker-1", lease: float = 60.0
) -> ClaimRequest:
    return ClaimRequest(call(question_id, turn), owner, lease, "smol", time.time(), 1.5)


def answer(text: str = "Santiago") -> CallAnswer:
    return CallAnswer(text, seconds=0.75, tokens=12, finish_reason="stop")


def failure(cause: str = "overloaded") -> CallFailure:
    return CallFailure(cause, "503 busy", 0.25, 1_700_000_003.0, 503, 30.0)


def dead_letter(offset: int = 5, **changes: Any) -> DeadLetterRow:
    facts: dict[str, Any] = {
        "cause": "malformed",
        "detail": "not JSON",
        "first_seen_at": 1_700_000_000.0,
        "dead_at": 1_700_000_001.0,
        "key": b"\x00key",
        "value": bytes(range(256)),
    }
    return DeadLetterRow("llm-requests", 3, offset, **(facts | changes))


async def stored(store: AnswerStore, question_id: str = "q") -> StoredQuestion:
    question = await store.question(question_id)
    assert question is not None
    return question


async def claimed_by_polling(store: AnswerStore, **changes: Any) -> Claim:
    """Claim until it is granted: a lease must run out by itself, within seconds."""
    deadline = time.monotonic() + 15
    while True:
        claim = await store.claim(request(**changes))
        if claim == Claimed() or time.monotonic() > deadline:
            return claim
        await asyncio.sleep(0.01)


async def put(store: AnswerStore, question_id: str, turn: Turn, status: Status) -> None:
    """Give the store the fact that puts a question into a state."""
    key = CallKey(question_id, *turn)
    match status:
        case Status.ACCEPTED:
            await store.accept([accepted(question_id, turn)])
        case Status.ASKING | Status.JUDGING | Status.WAITING:
            if await store.question(question_id) is None:
                await store.accept([accepted(question_id, Turn(turn.round, 0, 0))])
            if status is Status.WAITING:
                await store.waiting([Waiting(question_id, turn, 1.0, "overloaded")])
            elif status is Status.ASKING:
                await store.unclaim(key, "worker-1")
                await store.claim(request(question_id, turn))
            else:
                await store.record_answer(key, "worker-1", answer())
        case _:
            await store.finish([ending(question_id, turn, status)])
