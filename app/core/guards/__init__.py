"""Cheap guards beside the score: what BERTScore can't see, by name.

Each guard takes an `Evidence` and returns a reason for people, or None. None of them raises, asks
anything, or is ever a reason to accept an answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from app.core.guards.cut_off import cut_off
from app.core.guards.echo import echo
from app.core.guards.empty import empty
from app.core.guards.evidence import Evidence
from app.core.guards.language import language
from app.core.guards.negation import negation
from app.core.guards.numbers import numbers_changed, numbers_missing
from app.core.guards.refusal import refusal

__all__ = [
    "DEFAULT_GUARDS",
    "GUARDS",
    "Evidence",
    "Objection",
    "guard_of",
    "guards_of",
    "object_to",
    "objections",
]

Guard = Callable[[Evidence], str | None]

#: In the order in which they are tried.
GUARDS: Mapping[str, Guard] = {
    "empty": empty,
    "refusal": refusal,
    "echo": echo,
    "cut_off": cut_off,
    "language": language,
    "numbers_changed": numbers_changed,
    "numbers_missing": numbers_missing,
    "negation": negation,
}
#: Those that were measured to leave good answers alone (docs/quality-gate.md).
DEFAULT_GUARDS = tuple(GUARDS)
_WHY = re.compile(r"guard (\w+): ")


class Objection(NamedTuple):
    """A guard that fired, and its reason for people."""

    guard: str
    reason: str

    @property
    def why(self) -> str:
        """The clause that is stored with the attempt."""
        return f"guard {self.guard}: {self.reason}"


def objections(evidence: Evidence, names: Iterable[str]) -> list[Objection]:
    """Return what the named guards object to an answer; `empty` is always among them."""
    in_force = {*names, "empty"}
    found = (
        (name, guard(evidence) if name in in_force else None) for name, guard in GUARDS.items()
    )
    return [Objection(name, reason) for name, reason in found if reason is not None]


def object_to(evidence: Evidence, names: Iterable[str]) -> Objection | None:
    """Return the first objection of the named guards, or None."""
    return next(iter(objections(evidence, names)), None)


def guard_of(why: str) -> str | None:
    """Return the guard that a stored clause names, or None."""
    found = _WHY.match(why)
    return found.group(1) if found else None


def guards_of(value: str) -> tuple[str, ...]:
    """Return the guards that a list separated by commas names: `all`, `none`, or names.

    Raises ValueError with the names there are.
    """
    names = list(dict.fromkeys(name.strip() for name in value.split(",") if name.strip()))
    if names == ["all"]:
        return tuple(GUARDS)
    if names == ["none"]:
        return ()
    unknown = [name for name in names if name not in GUARDS]
    if unknown or not names:
        raise ValueError(
            f"unknown guard {', '.join(unknown) or '(none named)'}; "
            f"use all, none, or some of: {', '.join(GUARDS)}"
        )
    return tuple(names)
