"""The two tables as their agents use them, on a real Faust app that is never started."""

from __future__ import annotations

import json
from typing import Any

import faust
import pytest
from faust.serializers import codecs

from app.core.admission import Seen
from app.core.holding import Held
from app.core.lifecycle import Turn
from app.core.retry import RetryKind
from tables.generations import Generations
from tables.keys import JSON_KEY
from tables.retries import Retries

NOW = 1_700_000_000.0
OWNED = {0}


@pytest.fixture
def app() -> faust.App:
    return faust.App("tables-test", store="memory://", broker="memory://", autodiscover=False)


class Plain(dict[str, Any]):
    """What a Faust table is to its helpers: a dictionary (outside an agent it can't be written)."""


@pytest.fixture
def generations(app: faust.App) -> Generations:
    table = Generations(app, 2, forget_after_seconds=10.0)
    table.table = Plain()
    return table


@pytest.fixture
def retries(app: faust.App) -> Retries:
    table = Retries(app, 2, 10.0, lambda: frozenset(OWNED))
    table.table = Plain()
    return table


def test_a_generation_that_was_taken_in_is_seen(generations: Generations) -> None:
    assert generations.seen("q") is None
    generations.admit("q", Seen(0, 2), 0)
    assert generations.seen("q") == Seen(0, 2)
    assert len(generations) == 1


def test_a_settled_question_is_forgotten_after_the_grace(generations: Generations) -> None:
    generations.admit("q", Seen(0, 1), 0)
    generations.settle("q", 0, NOW, 0)
    generations.forget_old(0, NOW + 9.9)
    assert generations.seen("q") == Seen(0, 1)
    generations.forget_old(0, NOW + 10)
    assert generations.seen("q") is None


def test_a_question_that_was_redriven_meanwhile_is_kept(generations: Generations) -> None:
    generations.admit("q", Seen(0, 1), 0)
    generations.settle("q", 0, NOW, 0)
    generations.admit("q", Seen(1, 1), 0)
    generations.settle("q", 0, NOW + 1, 0)
    generations.forget_old(0, NOW + 100)
    assert generations.seen("q") == Seen(1, 1), "the end of round 0 is not that of round 1"
    generations.settle("q", 1, NOW + 95, 0)
    generations.forget_old(0, NOW + 100)
    assert generations.seen("q") == Seen(1, 1), "the old entry's time is not the new one's"
    generations.forget_old(0, NOW + 105)
    assert generations.seen("q") is None


async def test_recovery_finds_again_what_is_to_be_forgotten(generations: Generations) -> None:
    for name, settled_at in (("b", NOW + 1), ("a", NOW), ("c", NOW + 50)):
        generations.admit(name, Seen(0, 1), 0)
        generations.settle(name, 0, settled_at, 0)
    await generations._rebuild()
    generations.forget_old(0, NOW + 20)
    assert list(generations.table) == ["c"]


def held(attempt: int = 1, due_at: float | None = NOW + 5, settled_at: float | None = None) -> Held:
    return Held(Turn(0, 1, attempt), RetryKind.OVERLOAD, 1, 0, due_at, settled_at)


def test_a_held_call_comes_back_as_it_was_put(retries: Retries) -> None:
    retries.put("q", held(), 0, NOW, '{"a":1}')
    found = retries.get("q")
    assert found is not None
    assert (found.held, found.request, found.partition) == (held(), '{"a":1}', 0)


def test_a_held_call_is_small_json_on_the_changelog(retries: Retries) -> None:
    retries.put("q", held(), 0, NOW, '{"a":1}')
    stored = retries.table["q"]
    assert isinstance(stored, bytes)
    assert json.loads(stored)["request"] == '{"a":1}'


def test_a_held_call_that_faust_itself_wrote_can_be_read(retries: Retries) -> None:
    """Changelogs of earlier versions hold Faust records."""
    retries.put("q", held(), 0, NOW, "{}")
    faust_wrote = json.loads(retries.table["q"]) | {"__faust": {"ns": "answerloop.HeldCall"}}
    retries.table["q"] = json.dumps(faust_wrote).encode()
    found = retries.get("q")
    assert found is not None
    assert found.held == held()


def test_table_keys_are_written_as_faust_writes_them() -> None:
    for key in ("q1", "Grüße", 'with "quotes"'):
        written = JSON_KEY.dumps(key)
        assert written == codecs.dumps("json", key)
        assert JSON_KEY.loads(written) == key


def test_the_due_queue_keeps_in_step_with_the_table(retries: Retries) -> None:
    retries.put("q", held(), 0, NOW, "{}")
    assert [w.question_id for w in retries.due.take_due(NOW + 5, "overload", 9)] == ["q"]
    retries.put("q", held(due_at=None), 0, NOW, None)
    assert len(retries.due) == 0


async def test_recovery_rebuilds_the_due_queue_for_owned_partitions_only(retries: Retries) -> None:
    retries.put("mine", held(), 0, NOW, "{}")
    retries.put("theirs", held(), 1, NOW, "{}")
    retries.put("done", held(due_at=None), 0, NOW, None)
    for _ in range(3):
        await retries._rebuild()
    taken = retries.due.take_due(NOW + 5, "overload", 9)
    assert [wait.question_id for wait in taken] == ["mine"], "once, however often it is rebuilt"


def test_a_settled_call_is_forgotten_after_the_grace(retries: Retries) -> None:
    retries.put("q", held(due_at=None, settled_at=NOW), 0, NOW, None)
    retries.forget_old(0, NOW + 9)
    assert retries.get("q") is not None
    retries.forget_old(0, NOW + 10)
    assert retries.get("q") is None
