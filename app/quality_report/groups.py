"""Questions by language, length, model and metadata: how each group passes."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Generic, Protocol, TypeVar

from app.core.guards.language import language_of
from app.core.lifecycle import Status
from app.core.statistics import Interval, wilson
from app.quality_report.rows import Row

#: A metadata key with more values than this tells questions apart, and groups nothing.
MOST_VALUES = 30
MOST_KEYS = 32
_MOST_CHARACTERS = 60
_EXAMPLES = 3
_CUT = 400
#: Characters of question and of reference that tell their language.
_TELLING = 120

#: Upper ends in characters.
LENGTHS = (20, 50, 100, 200, 500, 1_000)
UNCLEAR = "not clear"
METADATA = "metadata: "
LANGUAGE, MODEL = "language", "model"
QUESTION_LENGTH, REFERENCE_LENGTH = "length of question", "length of reference"
ANSWER_LENGTH = "length of answer"
FIXED = (LANGUAGE, QUESTION_LENGTH, REFERENCE_LENGTH, ANSWER_LENGTH, MODEL)

_order = count()


@dataclass(frozen=True, slots=True)
class Example:
    """A question that did not pass; long texts are cut."""

    question: str
    reference: str | None
    answer: str | None
    score: float | None


@dataclass(slots=True)
class Tally:
    """What became of some questions."""

    counts: dict[Status, int] = field(default_factory=dict)
    scored: int = 0
    score_sum: float = 0.0
    _worst: list[tuple[float, int, Example]] = field(default_factory=list)

    def add(self, row: Row) -> None:
        self.counts[row.status] = self.counts.get(row.status, 0) + 1
        if row.score is not None:
            self.scored += 1
            self.score_sum += row.score
        if row.status is Status.LOW_QUALITY:
            self._keep(row)

    def _keep(self, row: Row) -> None:
        """Keep the few worst, the first of equal ones."""
        place = -(row.score if row.score is not None else -1.0)
        if len(self._worst) == _EXAMPLES and place <= self._worst[0][0]:
            return
        item = (place, -next(_order), example_of(row))
        if len(self._worst) < _EXAMPLES:
            heapq.heappush(self._worst, item)
        else:
            heapq.heapreplace(self._worst, item)

    @property
    def questions(self) -> int:
        return sum(self.counts.values())

    @property
    def passed(self) -> int:
        return self.counts.get(Status.VALIDATED, 0)

    @property
    def judged(self) -> int:
        """Those whose answers the gate accepted or rejected in the end."""
        return self.passed + self.counts.get(Status.LOW_QUALITY, 0)

    @property
    def pass_share(self) -> float | None:
        return self.passed / self.judged if self.judged else None

    @property
    def interval(self) -> Interval:
        return wilson(self.passed, self.judged)

    @property
    def mean_score(self) -> float | None:
        return self.score_sum / self.scored if self.scored else None

    @property
    def examples(self) -> list[Example]:
        """The lowest scores that did not pass, the lowest first."""
        return [example for *_, example in sorted(self._worst, reverse=True)]

    def as_json(self) -> dict[str, Any]:
        known = self.judged > 0
        return {
            "questions": self.questions,
            "counts": {str(status): n for status, n in self.counts.items()},
            "judged": self.judged,
            "pass_share": self.pass_share,
            "interval": list(self.interval) if known else None,
            "mean_score": self.mean_score,
        }


class Counts(Protocol):
    """What a group adds up."""

    def add(self, item: Any, /) -> None: ...

    @property
    def questions(self) -> int: ...


TallyT = TypeVar("TallyT", bound=Counts)


class Groups(Generic[TallyT]):
    """Tallies by dimension and value, in bounded memory whatever the metadata."""

    def __init__(self, tally: Callable[[], TallyT]) -> None:
        self._new = tally
        self._tallies: dict[str, dict[str, TallyT]] = {}
        self._dropped: set[str] = set()

    def add(self, item: Any, labels: Mapping[str, str]) -> None:
        for dimension, value in labels.items():
            values = self._tallies.get(dimension)
            if values is None:
                if dimension in self._dropped or len(self._tallies) >= MOST_KEYS + len(FIXED):
                    continue
                values = self._tallies[dimension] = {}
            if value not in values:
                if len(values) == MOST_VALUES:
                    self._dropped.add(dimension)
                    del self._tallies[dimension]
                    continue
                values[value] = self._new()
            values[value].add(item)

    def dimensions(self) -> Iterator[tuple[str, list[tuple[str, TallyT]]]]:
        """Give dimensions of two values or more; lengths go up, others by their number."""
        found = [name for name in FIXED if name in self._tallies]
        found += sorted(name for name in self._tallies if name.startswith(METADATA))
        for name in found:
            values = self._tallies[name]
            if len(values) > 1 and _repeats(values):
                yield name, sorted(values.items(), key=lambda each: _place(name, each))


def _repeats(values: Mapping[str, Counts]) -> bool:
    """Tell whether values come twice at least, on average: else they are names of questions."""
    return sum(tally.questions for tally in values.values()) >= 2 * len(values)


def labels_of(row: Row) -> dict[str, str]:
    """Return the value of each dimension for a question."""
    labels = {
        LANGUAGE: language_label(row.question, row.reference or ""),
        QUESTION_LENGTH: length_label(row.question),
    }
    if row.reference is not None:
        labels[REFERENCE_LENGTH] = length_label(row.reference)
    if row.answer is not None:
        labels[ANSWER_LENGTH] = length_label(row.answer)
    if row.tries and row.tries[-1].model:
        labels[MODEL] = row.tries[-1].model[:_MOST_CHARACTERS]
    for key, value in row.metadata.items():
        if (said := _said(value)) is not None and key:
            labels[METADATA + str(key)[:_MOST_CHARACTERS]] = said
    return labels


def language_label(question: str, reference: str) -> str:
    """Return the language that the beginnings of both together tell."""
    return language_of(f"{question[:_TELLING]} {reference[:_TELLING]}") or UNCLEAR


def length_label(text: str) -> str:
    """Return `21 to 50 characters` and the like."""
    low = 0
    for high in LENGTHS:
        if len(text) <= high:
            return f"{low + 1} to {high:,}" if low else f"up to {high}"
        low = high
    return f"over {LENGTHS[-1]:,}"


def example_of(row: Row) -> Example:
    return Example(_cut(row.question), _cut(row.reference), _cut(row.answer), row.score)


def shown_dimension(name: str) -> str:
    """Return a dimension's title."""
    if name.startswith(METADATA):
        return name.removeprefix(METADATA)
    return _TITLES.get(name, name)


_TITLES = {
    LANGUAGE: "language (guessed)",
    QUESTION_LENGTH: "question, characters",
    REFERENCE_LENGTH: "reference, characters",
    ANSWER_LENGTH: "answer, characters",
}
_LENGTH_ORDER: Sequence[str] = [length_label("x" * n) for n in (*LENGTHS, LENGTHS[-1] + 1)]


def _place(dimension: str, each: tuple[str, Counts]) -> tuple[int, str]:
    value, tally = each
    if dimension.startswith("length"):
        return _LENGTH_ORDER.index(value), value
    return -tally.questions, value


def _said(value: Any) -> str | None:
    """Return a metadata value as a group's name; None for what groups nothing."""
    if isinstance(value, str):
        return value if 0 < len(value) <= _MOST_CHARACTERS else None
    if isinstance(value, bool | int):
        return str(value).lower()
    return None


def _cut(text: Any) -> Any:
    if isinstance(text, str) and len(text) > _CUT:
        return text[: _CUT - 1] + "\N{HORIZONTAL ELLIPSIS}"
    return text
