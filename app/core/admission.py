"""What `admit` does with a question that arrives: take it in, drop a repeat, or end it."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Admission(Enum):
    """The four ways of an arriving question."""

    ASK = "ask"
    REPEAT = "repeat"
    END_WITH_BEST = "end_with_best"
    DEAD = "dead"


class Seen(NamedTuple):
    """The latest (round, generation) of a question that was taken in."""

    round: int
    generation: int


def admit(seen: Seen | None, arriving: Seen, max_generations: int, *, has_best: bool) -> Admission:
    """Decide on one question. The anti-cycle rule: beyond `max_generations` nothing is asked again,
    whatever the message says about itself.
    """
    if seen is not None and arriving <= seen:
        return Admission.REPEAT
    if arriving.generation > max_generations:
        return Admission.END_WITH_BEST if has_best else Admission.DEAD
    return Admission.ASK
