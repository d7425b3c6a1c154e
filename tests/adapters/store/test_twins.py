"""The twin and PostgreSQL say the same about any history."""

from __future__ import annotations

import random
import time
from dataclasses import replace
from typing import Any

import pytest

from app.adapters.store.memory import MemoryStore
from app.adapters.store.postgres.store import PostgresStore
from app.core.lifecycle import Status, Turn
from app.core.questions import CallKey
from app.ports import ClaimRequest, StoredVerdict, Waiting
from tests.adapters.store.contract_facts import (
    VERDICT,
    accepted,
    answer,
    dead_letter,
    ending,
    failure,
)

pytestmark = pytest.mark.postgres

IDS = ["a", "b", "ñ\x00"]
TURNS = [Turn(r, g, a) for r in (0, 1) for g in (1, 2) for a in (1, 2)]
FINAL = [Status.VALIDATED, Status.LOW_QUALITY, Status.UNSCORED, Status.DEAD]
OWNERS = ["worker-1", "worker-2"]


def operation(draw: random.Random, step: int) -> tuple[str, tuple[Any, ...]]:
    """Draw a call of the store: its method and arguments."""
    question_id, turn, owner = draw.choice(IDS), draw.choice(TURNS), draw.choice(OWNERS)
    key = CallKey(question_id, *turn)
    facts = {"metadata": {"step": step}, "accepted_at": float(draw.randrange(5))}
    chunk = [(draw.choice(IDS), draw.choice(TURNS)) for _ in range(draw.randrange(4))]
    verdict = StoredVerdict(Status.LOW_QUALITY, None, 0.1, "recall", "s", str(step))
    claim = ClaimRequest(key, owner, 600.0, f"model-{step}", time.time(), float(step))
    choices: list[tuple[str, tuple[Any, ...]]] = [
        ("accept", ([accepted(i, t, **facts) for i, t in chunk],)),
        ("claim", (claim,)),
        ("claim", (claim,)),
        ("unclaim", (key, owner)),
        ("unclaim_made", (key, owner)),
        ("costs", ([question_id],)),
        ("renew", (owner, 600.0, time.time())),
        ("record_answer", (key, owner, answer(str(step)))),
        ("record_failure", (key, owner, failure(f"cause-{step}"))),
        ("record_verdict", (key, draw.choice([VERDICT, verdict]))),
        ("verdict", (key,)),
        ("waiting", ([Waiting(i, t, float(step), f"cause-{step}") for i, t in chunk],)),
        (
            "finish",
            (
                [ending(i, t, draw.choice(FINAL), **facts) for i, t in chunk],
                [dead_letter(draw.randrange(3), detail=str(step))],
            ),
        ),
        ("statuses", (IDS,)),
        ("counts", ()),
        ("questions", ()),
    ]
    return draw.choice(choices)


async def do(store: Any, name: str, arguments: tuple[Any, ...]) -> Any:
    if name == "unclaim_made":
        return await store.unclaim(*arguments, made=True)
    return await getattr(store, name)(*arguments)


@pytest.mark.parametrize("seed", range(25))
async def test_the_same_history_is_the_same_story(postgres_dsn: str, seed: int) -> None:
    draw = random.Random(seed)
    twin, real = MemoryStore(), PostgresStore(postgres_dsn)
    for step in range(150):
        name, arguments = operation(draw, step)
        said = await do(twin, name, arguments)
        assert await do(real, name, arguments) == said, (step, name, arguments)
    for question_id in IDS:
        assert await story(real, question_id) == await story(twin, question_id)
    assert await real.dead_letters() == await twin.dead_letters()
    await real.close()


async def story(store: Any, question_id: str) -> Any:
    """Return a question without the start of its calls: one that nobody claimed has a clock's."""
    question = await store.question(question_id)
    if question is None:
        return None
    return replace(
        question, attempts=tuple(replace(each, started_at=0.0) for each in question.attempts)
    )
