"""Whether the gate in force parts random pairs from good ones, with the scorer in force."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from app.calibration.builtin import built_in_rows
from app.calibration.measure import Scored
from app.calibration.pairs import Kind, Pair
from app.calibration.statistics import Rate
from app.charts.numbers import percent_text
from app.core.gate import Gate, Metric

_MEASURE = (
    "measure one on your answers (answerloop gate calibrate FILE --out profile.json) and set "
    "ANSWERLOOP_QUALITY_PROFILE=profile.json"
)
_TAKE_THE_SHIPPED = (
    "unset ANSWERLOOP_QUALITY_THRESHOLD, _METRIC and _PROFILE (a measured profile comes with this "
    "scorer), or "
)


@dataclass(frozen=True, slots=True)
class Tolerance:
    """Shares from which a gate is found wanting: random pairs passed, good ones failed."""

    random_pass: float = 0.05
    good_fail: float = 0.25


@dataclass(frozen=True, slots=True)
class GateCheck:
    """The gate in force on known pairs: how many of each pass, in all and by language.

    `failed` pairs have no score, and are in none of the rates.
    """

    gate: Gate
    scorer: str
    random: Rate
    good: Rate
    bad: Rate
    by_language: dict[str, tuple[Rate, Rate]] = field(default_factory=dict)
    failed: int = 0

    @property
    def good_fail(self) -> float:
        return 1 - (self.good.share or 0.0) if self.good.count else 0.0

    @property
    def random_pass(self) -> float:
        return self.random.share or 0.0

    def findings(self, tolerance: Tolerance) -> list[str]:
        """Return what is wrong, in words with figures; nothing when all is fine."""
        return [*self.without_score(), *self.misjudged(tolerance)]

    def without_score(self) -> list[str]:
        """Say that the scorer gives not all pairs a score: of those nothing is known."""
        pairs = self.random.count + self.good.count + self.bad.count + self.failed
        said = f"{self.scorer} gives no score for {self.failed} of {pairs} pairs"
        return [said] if self.failed else []

    def misjudged(self, tolerance: Tolerance) -> list[str]:
        """Say which pairs the gate judges wrongly more often than it may."""
        found = []
        rule = gate_words(self.gate)
        if self.random_pass > tolerance.random_pass:
            share, most = percent_text(self.random_pass), percent_text(tolerance.random_pass)
            found.append(
                f"{rule} with {self.scorer} passes {self.random.passed} of {self.random.count} "
                f"random pairs ({share}, more than {most})"
            )
        if self.good_fail > tolerance.good_fail:
            share, most = percent_text(self.good_fail), percent_text(tolerance.good_fail)
            failed = self.good.count - self.good.passed
            found.append(
                f"{rule} with {self.scorer} fails {failed} of {self.good.count} good answers "
                f"({share}, more than {most})"
            )
        return found


def gate_words(gate: Gate) -> str:
    """Return `recall >= 0.525 (profile minilm-l6)`."""
    return gate.words


def mend(gate: Gate, has_profile: bool) -> str:
    """Say what to do about a gate; `has_profile`: one ships for the scorer in force."""
    by_hand = gate.source == "settings" and has_profile
    return "to mend it, " + (_TAKE_THE_SHIPPED if by_hand else "") + _MEASURE


def check_of(gate: Gate, scorer: str, scored: Sequence[Scored], failed: int = 0) -> GateCheck:
    """Return how the gate does on scored pairs; `failed` more got no score."""
    languages = sorted({each.pair.language for each in scored})
    by_language = {
        language: tuple(
            _rate(gate, [each for each in scored if each.pair.language == language], kind)
            for kind in (Kind.UNRELATED, Kind.GOOD)
        )
        for language in languages
    }
    return GateCheck(
        gate,
        scorer,
        _rate(gate, scored, Kind.UNRELATED),
        _rate(gate, scored, Kind.GOOD),
        _rate(gate, scored, Kind.BAD),
        {name: (rates[0], rates[1]) for name, rates in by_language.items()}
        if len(languages) > 1
        else {},
        failed,
    )


def built_in_check_pairs() -> list[Pair]:
    """Return 48 good and 48 random pairs: each question once, with its short or long answer.

    A random pair is the same answer beside the next question's reference in the same language.
    """
    pairs: list[Pair] = []
    for language in ("en", "es"):
        rows = [row for row in built_in_rows() if row.language == language]
        for at, row in enumerate(rows):
            answer = row.long if at % 2 else row.short
            for kind, beside in ((Kind.GOOD, row), (Kind.UNRELATED, rows[(at + 1) % len(rows)])):
                pairs.append(
                    Pair(kind, answer, beside.reference, beside.question, language, at, 0, at + 1)
                )
    return pairs


def _rate(gate: Gate, scored: Iterable[Scored], kind: Kind) -> Rate:
    metric: Metric = gate.metric
    of_kind = [each for each in scored if each.pair.kind is kind]
    passed = sum(
        each.value(metric) >= gate.in_language(each.pair.language).threshold for each in of_kind
    )
    return Rate(passed, len(of_kind))
