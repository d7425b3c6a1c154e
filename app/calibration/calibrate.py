"""A calibration: figures of each metric, the one that is recommended, and what to mind."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from app.calibration.measure import MetricFigures, Scored, bad_kind, best_of, measure
from app.calibration.pairs import UNRELATED_EACH, Kind, Pair
from app.calibration.sampling import Sample
from app.calibration.statistics import pairs_needed
from app.charts.numbers import percent_text
from app.core.gate import Metric
from app.core.guards.language import LANGUAGE_CODES
from app.core.statistics import wilson
from app.errors import InputError

#: With fewer pairs of a kind nothing can be said.
LEAST_PAIRS = 10
#: Good answers passed, on pairs that the threshold was not chosen on, below which a gate is weak.
_WEAK = 0.75
#: Pairs that a guard or a rule says are wrong are told of one by one, up to so many.
WORST = 8


@dataclass(frozen=True, slots=True)
class Calibration:
    """What `gate calibrate` found. `recommended` is one of `metrics`.

    `by_language`: languages with enough pairs get a threshold of their own.
    """

    sample: Sample
    scorer: str
    library: str
    guards: tuple[str, ...]
    rate: float
    seed: int
    at: datetime
    scored: Sequence[Scored]
    failed: Sequence[Pair]
    negative: Kind
    metrics: tuple[MetricFigures, ...]
    recommended: MetricFigures
    warnings: tuple[str, ...]
    by_language: bool = False

    @property
    def metric(self) -> Metric:
        return self.recommended.metric

    @property
    def threshold(self) -> float:
        """The recommended threshold."""
        threshold = self.recommended.whole.threshold
        if threshold is None:
            raise RuntimeError("a calibration has good and bad pairs, or there is none")
        return threshold

    @property
    def languages(self) -> dict[str, float]:
        """The recommended thresholds of languages that have their own, by code."""
        return _own_thresholds(self.recommended, self.rate) if self.by_language else {}

    @property
    def rule(self) -> str:
        """`recall >= 0.525`, `recall >= 0.525, en 0.377, es 0.53`."""
        own = "".join(f", {code} {each:g}" for code, each in self.languages.items())
        return f"{self.metric} >= {self.threshold:g}{own}"

    @property
    def pairs(self) -> dict[Kind, int]:
        """How many pairs of each kind have a score."""
        return counted(self.scored)

    def failing_good(self) -> list[Scored]:
        """Return the good pairs that the gate would fail, the lowest first."""
        found = [each for each in self._of(Kind.GOOD) if self._value(each) < self.threshold]
        return sorted(found, key=self._value)[:WORST]

    def passing_bad(self) -> list[Scored]:
        """Return the pairs that the gate should fail, by score alone, and would not."""
        found = [each for each in self._of(self.negative) if self._value(each) >= self.threshold]
        return sorted(found, key=self._value, reverse=True)[:WORST]

    def unnoticed(self) -> list[Scored]:
        """Return answers made wrong by rule that pass the score and every guard."""
        found = [
            each
            for kind in (Kind.NEGATED, Kind.NUMBERS_CHANGED)
            for each in self._of(kind)
            if each.guard is None and self._value(each) >= self.threshold
        ]
        return sorted(found, key=self._value, reverse=True)[:WORST]

    def _of(self, kind: Kind) -> list[Scored]:
        return [each for each in self.scored if each.pair.kind is kind]

    def _value(self, each: Scored) -> float:
        return each.value(self.metric)


def calibrate(
    sample: Sample,
    scored: Sequence[Scored],
    failed: Sequence[Pair],
    *,
    scorer: str,
    library: str,
    guards: tuple[str, ...],
    metrics: Sequence[Metric] = tuple(Metric),
    rate: float = 0.01,
    seed: int = 1,
    at: datetime | None = None,
    by_language: bool = False,
) -> Calibration:
    """Return what the scored pairs say. Raises InputError when there are too few of them."""
    negative = bad_kind(scored)
    _refuse_too_few(sample, scored, negative, rate)
    figures = tuple(measure(metric, scored, rate, seed) for metric in metrics)
    best = best_of(figures)
    return Calibration(
        sample,
        scorer,
        library,
        guards,
        rate,
        seed,
        at or datetime.now(UTC),
        scored,
        failed,
        negative,
        figures,
        best,
        tuple(_warnings(sample, scored, failed, best, negative, rate, by_language)),
        by_language,
    )


def _own_thresholds(figures: MetricFigures, rate: float) -> dict[str, float]:
    """Return those of the languages that have enough pairs and can be told from a text."""
    return {
        code: each.threshold
        for code, each in figures.languages.items()
        if code in LANGUAGE_CODES
        and each.threshold is not None
        and each.can_promise(rate, LEAST_PAIRS)
    }


def counted(scored: Sequence[Scored]) -> dict[Kind, int]:
    """Return how many pairs there are of each kind that there is."""
    found = Counter(each.pair.kind for each in scored)
    return {kind: found[kind] for kind in Kind if found[kind]}


def _without_bad(sample: Sample, failed: Sequence[Pair], negative: Kind) -> list[str]:
    """Say that no labelled bad pair took part, though there are labels, and what did instead."""
    if not sample.labelled or negative is Kind.BAD:
        return []
    without = sum(pair.kind is Kind.BAD for pair in failed)
    if not (without or sample.bad_rows or sample.skipped):
        return []  # only good answers were labelled, and nothing was lost
    why = (
        f"all {without} of them have no score"
        if without
        else f"no row that can be used is labelled bad ({sample.bad_rows} rows can't be read, "
        f"{sample.skipped} lack an answer, a reference or a label)"
    )
    return [
        f"Not one pair labelled bad took part: {why}. The threshold is chosen by {negative} pairs "
        "instead, which are easier to tell from good ones: it may pass answers that you call bad"
    ]


def _refuse_too_few(sample: Sample, scored: Sequence[Scored], negative: Kind, rate: float) -> None:
    pairs = counted(scored)
    good, bad = pairs.get(Kind.GOOD, 0), pairs.get(negative, 0)
    if good >= LEAST_PAIRS and bad >= LEAST_PAIRS:
        return
    references = len({each.pair.source for each in scored})
    many = pairs_needed(rate)
    raise InputError(
        f"{sample.source}: {good} good and {bad} {negative} pairs (of {references} different "
        f"references) are too few to choose a threshold by. At least {LEAST_PAIRS} of each are "
        f"needed; a false-pass rate of {percent_text(rate)} takes {many} pairs that must not pass"
        + (f", so {many // UNRELATED_EACH} good answers" if negative is Kind.UNRELATED else ""),
        field="file",
    )


def _warnings(
    sample: Sample,
    scored: Sequence[Scored],
    failed: Sequence[Pair],
    best: MetricFigures,
    negative: Kind,
    rate: float,
    by_language: bool,
) -> list[str]:
    found = [*_without_bad(sample, failed, negative)]
    if sample.unchecked:
        found.append(
            "These are answers of a model, and all of them count as good: nobody has said which "
            "are. Add a column label (good or bad), or the figures describe this model's answers, "
            "right and wrong, not good ones"
        )
    bad, many = counted(scored)[negative], pairs_needed(rate)
    if bad < many:
        most = wilson(0, bad).high
        found.append(
            f"A false-pass rate of {percent_text(rate)} needs {many} {negative} pairs (3 / rate), "
            f"and there are {bad}: if none of them passes, the rate may still be "
            f"{percent_text(most)}. "
            + (
                f"Give {-(-many // UNRELATED_EACH)} good answers, or ask for a higher rate"
                if negative is Kind.UNRELATED
                else "Label more bad answers, or ask for a higher rate"
            )
        )
    tried = best.whole.tried
    if tried is None:
        found.append(
            "No half of the questions has both good and bad pairs: nothing could be held out, so "
            "the rates are those on the pairs that the threshold was chosen on"
        )
    elif tried.good.share is not None and tried.good.share < _WEAK:
        found.append(
            f"At this false-pass rate the gate fails {percent_text(1 - tried.good.share)} of the "
            "good answers: the scorer hardly tells these pairs apart"
        )
    own = _own_thresholds(best, rate)
    if by_language and not own:
        least = math.ceil(1 / rate - 1e-9) - 1
        found.append(
            "No language has a threshold of its own: it takes two languages or more, "
            f"{LEAST_PAIRS} good answers and {least} {negative} pairs in it"
        )
    for language, kinds in best.passing_by_language.items():
        if by_language and language in own:
            continue
        passing = kinds.get(negative)
        interval = passing.score.interval if passing else None
        if interval is not None and passing is not None and interval.low > rate:
            found.append(
                f"In language {language} {passing.score.passed} of {passing.score.count} "
                f"{negative} pairs pass: more than the rate asked for"
                + (" (--by-language gives it its own threshold)" if language in own else "")
            )
    if failed:
        found.append(f"{len(failed)} pairs have no score and were left out")
    if sample.answers > len(sample.known):
        found.append(
            f"{len(sample.known)} of {sample.answers} answers were drawn (--limit): others of the "
            "same file would give slightly other figures"
        )
    return found
