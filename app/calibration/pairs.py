"""Pairs whose quality is known: read from a file as answers, or made of them by rule."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from random import Random

from app.calibration.perturb import changed_numbers, negated

#: Each good answer is also put beside the references of this many other questions.
UNRELATED_EACH = 4


class Kind(StrEnum):
    """What is known of a pair."""

    GOOD = "good"
    BAD = "bad"
    UNRELATED = "unrelated"
    NEGATED = "negated"
    NUMBERS_CHANGED = "numbers_changed"


@dataclass(frozen=True, slots=True)
class Known:
    """An answer of which somebody says that it is good or bad, beside its reference.

    `line` is where it stands in its file, from 1. `language` is a code like `en`, or `?`.
    """

    line: int
    question: str
    reference: str
    answer: str
    good: bool
    language: str


@dataclass(frozen=True, slots=True)
class Pair:
    """A candidate beside a reference. `source` numbers the question whose answer the candidate is.

    `half` is 0 or 1: a threshold that was chosen on one half is tried on the other. Both texts of
    a pair are of questions of one half.
    """

    kind: Kind
    candidate: str
    reference: str
    question: str
    language: str
    source: int
    half: int
    line: int


def pairs_of(known: Sequence[Known], seed: int = 1) -> list[Pair]:
    """Return the known answers as pairs, and what is made of the good ones.

    Good answers beside other references of the same language and half are `unrelated`. Those in
    which a rule finds something to negate, or a number to change, are made wrong that way.
    The same seed gives the same pairs.
    """
    random = Random(seed)
    sources = _sources(known)
    halves = _halves(known, sources, random)
    pairs = [_as_pair(each, sources, halves) for each in known]
    good = [pair for pair in pairs if pair.kind is Kind.GOOD]
    pairs += _unrelated(good, random)
    for pair in good:
        pairs += _made_wrong(pair, random)
    return pairs


def _sources(known: Sequence[Known]) -> dict[str, int]:
    """Number the references: the answers to one question belong together."""
    numbers: dict[str, int] = {}
    for each in known:
        numbers.setdefault(_key(each.reference), len(numbers))
    return numbers


def _halves(known: Sequence[Known], sources: dict[str, int], random: Random) -> dict[int, int]:
    """Deal the questions of each language out to two halves."""
    by_language: defaultdict[str, dict[int, None]] = defaultdict(dict)
    taken: set[int] = set()
    for each in known:
        number = sources[_key(each.reference)]
        if number not in taken:
            taken.add(number)
            by_language[each.language][number] = None
    halves: dict[int, int] = {}
    for numbers in by_language.values():
        shuffled = random.sample(list(numbers), len(numbers))
        for number in shuffled:  # go on where the last language ended: the halves stay equal
            halves[number] = len(halves) % 2
    return halves


def _as_pair(each: Known, sources: dict[str, int], halves: dict[int, int]) -> Pair:
    source = sources[_key(each.reference)]
    return Pair(
        Kind.GOOD if each.good else Kind.BAD,
        each.answer,
        each.reference,
        each.question,
        each.language,
        source,
        halves[source],
        each.line,
    )


def _unrelated(good: Sequence[Pair], random: Random) -> Iterator[Pair]:
    places: defaultdict[tuple[str, int], dict[int, Pair]] = defaultdict(dict)
    for pair in good:
        places[pair.language, pair.half].setdefault(pair.source, pair)
    for pair in good:
        others = [
            other
            for source, other in places[pair.language, pair.half].items()
            if source != pair.source
        ]
        for other in random.sample(others, min(UNRELATED_EACH, len(others))):
            yield replace(
                pair, kind=Kind.UNRELATED, reference=other.reference, question=other.question
            )


def _made_wrong(pair: Pair, random: Random) -> Iterator[Pair]:
    made = {
        Kind.NEGATED: negated(pair.candidate, pair.language),
        Kind.NUMBERS_CHANGED: changed_numbers(pair.candidate, random),
    }
    for kind, candidate in made.items():
        if candidate is not None:
            yield replace(pair, kind=kind, candidate=candidate)


def _key(reference: str) -> str:
    return " ".join(reference.casefold().split())
