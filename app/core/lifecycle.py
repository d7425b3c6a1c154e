"""The states of a question, and the order in which facts about it may replace each other."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Status(StrEnum):
    """Where a question stands. The last four are final."""

    ACCEPTED = "accepted"
    ASKING = "asking"
    WAITING = "waiting"
    JUDGING = "judging"
    VALIDATED = "validated"
    LOW_QUALITY = "low_quality"
    UNSCORED = "unscored"
    DEAD = "dead"

    @property
    def final(self) -> bool:
        return self in FINAL


FINAL = frozenset({Status.VALIDATED, Status.LOW_QUALITY, Status.UNSCORED, Status.DEAD})

#: Final states that answer a repeated query from the store; a dead question is asked again.
ANSWERED = frozenset({Status.VALIDATED, Status.LOW_QUALITY, Status.UNSCORED})

#: Order of the states within one (round, generation, attempt): facts may arrive late or twice.
PROGRESS = {
    Status.ACCEPTED: 0,
    Status.ASKING: 1,
    Status.WAITING: 2,
    Status.JUDGING: 3,
}


class Turn(NamedTuple):
    """One call for one question. Turns are compared as (round, generation, attempt).

    `round` is 0, and one more at each redrive; `generation` starts at 1, and is one more for each
    regeneration of a weak answer; `attempt` starts at 1 in each generation, and is one more for
    each retry of a failed call.
    """

    round: int
    generation: int
    attempt: int


def is_over(stored_turn: Turn, stored_status: Status, turn: Turn) -> bool:
    """Tell whether the round of `turn` is over: it has ended, or a later round has begun."""
    if stored_turn.round != turn.round:
        return stored_turn.round > turn.round
    return stored_status.final


def supersedes(old_turn: Turn, old_status: Status, new_turn: Turn, new_status: Status) -> bool:
    """Tell whether a new fact replaces the stored one.

    A new round always wins. Within a round a final state never moves; otherwise the later turn
    wins, and within one turn the later stage.
    """
    if new_turn.round != old_turn.round:
        return new_turn.round > old_turn.round
    if old_status.final:
        return False
    if new_status.final:
        return True
    if new_turn != old_turn:
        return new_turn > old_turn
    return PROGRESS[new_status] > PROGRESS[old_status]
