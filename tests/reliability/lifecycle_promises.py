"""What the lifecycle's world holds to: ends that stay, the right ends, calls within limits."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from app.core.failures import CAUSES, Route
from app.core.lifecycle import Status
from app.core.questions import CallKey
from tests.reliability.lifecycle_parts import GATE, MAX_GENERATIONS, POLICY, promise, run

if TYPE_CHECKING:
    from tests.reliability.lifecycle_world import World


def retries_within_limits(world: World, key: CallKey) -> None:
    """Each retry spends one of its kind: that of the failure before it."""
    spent: Counter[Route] = Counter()
    for made in world.calls:
        if made[:2] == key[:2] and made.attempt > 1:
            before = world.store._calls[made._replace(attempt=made.attempt - 1)].failure
            promise(before is not None, f"a retry comes after a failure: {made}")
            assert before is not None
            spent[CAUSES[before.cause].route] += 1
    promise(spent[Route.OVERLOAD] <= POLICY.overload_max_retries, f"overloads: {spent}")
    promise(spent[Route.QUOTA] <= POLICY.quota_max_retries, f"rate limits: {spent}")


def check_ends(world: World) -> None:
    """Every promise that holds at each moment."""
    for question_id in world.rounds:
        row = run(world.store.question(question_id))
        if row is None:
            continue
        for (known_id, round_), end in world.ends.items():
            if known_id == question_id:
                promise(row.turn.round >= round_, "a round never goes back")
                if row.turn.round == round_:
                    promise(end_of(row) == end, f"an end never changes: {end} {end_of(row)}")
        if row.status.final:
            world.ends[question_id, row.turn.round] = end_of(row)
            _right_end(world, row)


def _right_end(world: World, row: Any) -> None:
    scores = {
        turn: score
        for turn, score in world.scores.get(row.question_id, {}).items()
        if turn.round == row.turn.round
    }
    if row.status is Status.VALIDATED:
        promise(float(row.answer) >= GATE.threshold, "a weak answer never passes")
    if row.status is Status.LOW_QUALITY:
        promise(float(row.answer) == max(scores.values()), "the best attempt is kept")
        generations = {turn.generation for turn in scores}
        promise(len(generations) == MAX_GENERATIONS, f"given up after {generations}")
    if row.status is Status.DEAD:
        promise(bool(row.cause), "a dead question has its cause")


def check_at_rest(world: World) -> None:
    """What holds when nothing is left to do: every question has ended, in its latest round."""
    check_ends(world)
    for question_id, round_ in world.rounds.items():
        row = run(world.store.question(question_id))
        promise(row is not None and row.status.final, f"{question_id} never ended: {row}")
        assert row is not None
        promise(row.turn.round == round_, f"round {round_} of {question_id} was swallowed")
    promise(len(world.store._questions) == len(world.rounds), "one row for each question")


def end_of(row: Any) -> tuple[Any, ...]:
    return (row.status, row.answer, row.cause, row.turn, row.finished_at)
