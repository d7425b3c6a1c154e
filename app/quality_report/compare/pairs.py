"""The results of two runs, question by question."""

from __future__ import annotations

import hashlib
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.core.identity import normalise
from app.core.lifecycle import Status
from app.errors import InputError
from app.quality_report.results import read_results
from app.quality_report.rows import Basis, Row

#: Scores that differ by less are the same: a score moves so far with its batch mates.
SAME = 1e-4
#: Characters of an answer that are kept of the first file, which is held in memory.
_KEPT = 1_600
ID = "id"


@dataclass(frozen=True, slots=True)
class Side:
    """What one run made of a question. `metric`, `threshold`: as far as it was held to them."""

    status: Status
    answer: str | None
    figures: Mapping[str, float]
    generation: int
    cause: str | None
    metric: str | None
    threshold: float | None

    @classmethod
    def of(cls, row: Row) -> Side:
        answer = row.answer[:_KEPT] if row.answer else row.answer
        basis = row.basis if row.figures else Basis()
        return cls(
            row.status,
            answer,
            row.figures,
            row.generation,
            row.cause,
            basis.metric,
            basis.threshold,
        )

    @property
    def judged(self) -> bool:
        """Whether the gate judged it: what died or was not scored says nothing of quality."""
        return self.status in (Status.VALIDATED, Status.LOW_QUALITY)

    @property
    def passed(self) -> bool:
        return self.status is Status.VALIDATED

    def held_alike(self, other: Side) -> bool:
        """Whether both were held to one threshold on one metric, as far as they tell."""
        parts = ((self.metric, other.metric), (self.threshold, other.threshold))
        return all(one is None or two is None or one == two for one, two in parts)


@dataclass(frozen=True, slots=True)
class Pair:
    """A question that both runs have; `row` is the second run's. `metric`: the figure compared."""

    row: Row
    before: Side
    after: Side
    metric: str

    @property
    def judged(self) -> bool:
        return self.before.judged and self.after.judged

    @property
    def scores(self) -> tuple[float, float] | None:
        before = self.before.figures.get(self.metric)
        after = self.after.figures.get(self.metric)
        return None if before is None or after is None else (before, after)

    @property
    def change(self) -> float | None:
        """By how much the score changed; 0 for what is noise."""
        if self.scores is None:
            return None
        found = self.scores[1] - self.scores[0]
        return 0.0 if abs(found) < SAME else found

    @property
    def verdict(self) -> str:
        """`better`, `worse` (another verdict), `same`, or `not judged` in one of the runs."""
        if not self.judged:
            return "not judged"
        if self.before.passed == self.after.passed:
            return "same"
        return "better" if self.after.passed else "worse"


@dataclass
class Run:
    """One of the two files: its rows, and by what they were judged."""

    path: Path
    rows: int = 0
    bases: set[Basis] = field(default_factory=set)

    def add(self, row: Row) -> None:
        self.rows += 1
        if row.figures:
            self.bases.add(row.basis)

    def named(self, part: str) -> set[Any]:
        """Return the values of a part of the basis that are told."""
        return {value for each in self.bases if (value := getattr(each, part)) is not None}


class Joined:
    """Reads two files and gives their pairs. The first is held in memory, answers cut.

    Rows are the same question when question and reference are (or the metadata value `join`, or
    the id); of equal rows the first belongs to the first, and so on.
    """

    def __init__(self, before: Path, after: Path, join: str | None = None) -> None:
        self._join = join
        self._sides: dict[bytes, deque[Side]] = {}
        self.before, self.after = Run(before), Run(after)
        self.only_after = 0
        #: Whether the verdicts of each pair were made by one gate: thresholds may differ from
        #: question to question, as those of languages do.
        self.one_gate = True
        for _, row in read_results(before):
            self.before.add(row)
            self._sides.setdefault(self._key(row, before), deque()).append(Side.of(row))
        met: Counter[bytes] = Counter()
        for _, row in read_results(after):
            self.after.add(row)
            key = self._key(row, after)
            partners = self._sides.get(key, ())
            if met[key] < len(partners):
                self.one_gate &= partners[met[key]].held_alike(Side.of(row))
                met[key] += 1
        scorers = self.before.named("scorer"), self.after.named("scorer")
        if all(scorers) and len(scorers[0] | scorers[1]) > 1:
            raise InputError(
                f"the scores are not comparable: {before} has {_list(scorers[0])}, {after} has"
                f" {_list(scorers[1])}; run both with one scorer"
            )

    @property
    def metric(self) -> str:
        """The figure that is compared: the gate's, where both runs tell the same one, else F1."""
        told = {each.metric for each in (*self.before.bases, *self.after.bases)}
        (metric,) = told if len(told) == 1 else (None,)
        return metric or "f1"

    @property
    def only_before(self) -> int:
        """Rows of the first file that found no partner, once all pairs were given."""
        return sum(map(len, self._sides.values()))

    def pairs(self) -> Iterator[Pair]:
        """Give the pairs in the order of the second file, once."""
        metric = self.metric
        for _, row in read_results(self.after.path):
            sides = self._sides.get(self._key(row, self.after.path))
            if sides:
                yield Pair(row, sides.popleft(), Side.of(row), metric)
            else:
                self.only_after += 1

    def _key(self, row: Row, path: Path) -> bytes:
        if self._join is None:
            reference = None if row.reference is None else normalise(row.reference)
            said = f"{normalise(row.question)}\0{reference is None}\0{reference}"
        elif self._join == ID:
            said = row.question_id
        elif self._join in row.metadata:
            said = repr(row.metadata[self._join])
        else:
            raise InputError(f"{path}: a row has no metadata {self._join!r}", field="join")
        return hashlib.blake2b(said.encode("utf-8", "replace"), digest_size=16).digest()


def _list(names: set[Any]) -> str:
    return ", ".join(sorted(map(str, names)))
