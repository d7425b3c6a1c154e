"""Whether all is well, in words: what a person should look at, the worst first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

#: A retry is released within a timer's tick of its due time; so much later is worth a word.
LATE_SECONDS = 15.0


class Level(StrEnum):
    """How bad a finding is. `bad`: work stands still; `warn`: it goes on, worse than it could."""

    BAD = "bad"
    WARN = "warn"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not well, as a sentence."""

    level: Level
    text: str


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known of a worker and its questions."""

    not_ready: str | None
    dependencies: Mapping[str, Mapping[str, str]]
    pause_seconds: float = 0.0
    late_seconds: float = 0.0
    """For how long the first due retry has been due."""
    trouble: str | None = None
    """Why the questions can't be counted."""


#: What stops, or goes on, without each part.
_WITHOUT = {
    "broker": "nothing is taken in and nothing moves",
    "database": "questions are taken in, and wait",
    "cache": "answers come from the database",
    "model": "questions wait for it",
    "scorer": "answers wait to be judged",
}


def findings(now: Situation) -> list[Finding]:
    """Return what is not well, the worst first; empty when all is."""
    found = []
    if now.not_ready is not None and not now.not_ready.startswith("broker"):
        found.append(Finding(Level.BAD, f"This worker takes no work: {now.not_ready}."))
    for name, part in now.dependencies.items():
        if part["status"] != "up":
            level = Level.BAD if name == "broker" else Level.WARN
            words = f"The {name} is down ({_WITHOUT.get(name, 'see its detail')}): "
            found.append(Finding(level, words + part["detail"].rstrip(".") + "."))
    known = {name for name, part in now.dependencies.items() if part["status"] != "up"}
    if now.trouble is not None and "database" not in known:
        found.append(Finding(Level.WARN, f"The questions can't be counted: {now.trouble}."))
    if now.pause_seconds > 0:
        words = f"The model server limits the rate: no call starts for {now.pause_seconds:.0f} s."
        found.append(Finding(Level.WARN, words))
    if now.late_seconds > LATE_SECONDS:
        words = f"Retries are late: the first has been due for {now.late_seconds:.0f} s."
        found.append(Finding(Level.WARN, words))
    return sorted(found, key=lambda each: each.level is not Level.BAD)
