"""What changed between two runs, in figures."""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import dataclass

from app.core.paired_tests import wilcoxon
from app.core.statistics import Interval, bootstrap_mean, holm, mcnemar_exact
from app.quality_report.compare.pairs import Joined, Pair
from app.quality_report.groups import ANSWER_LENGTH, MODEL, Groups, labels_of

SIGNIFICANT = 0.05
#: Of the bootstrap: the same files give the same interval.
SEED = 20_260_101


class Change:
    """Verdicts and scores of some pairs."""

    def __init__(self) -> None:
        self.verdicts: Counter[str] = Counter()
        self.passed_before = self.passed_after = self.judged = 0
        self.scores_before = self.scores_after = 0.0
        self.changes = array("d")

    def add(self, pair: Pair) -> None:
        self.verdicts[pair.verdict] += 1
        if pair.judged:
            self.judged += 1
            self.passed_before += pair.before.passed
            self.passed_after += pair.after.passed
        if pair.scores is not None and pair.change is not None:
            self.scores_before += pair.scores[0]
            self.scores_after += pair.scores[1]
            self.changes.append(pair.change)

    @property
    def questions(self) -> int:
        return self.verdicts.total()

    @property
    def scored(self) -> int:
        return len(self.changes)

    @property
    def better(self) -> int:
        return self.verdicts["better"]

    @property
    def worse(self) -> int:
        return self.verdicts["worse"]

    @property
    def shares(self) -> tuple[float, float] | None:
        """Pass share before and after; None where nothing was judged in both."""
        if not self.judged:
            return None
        return self.passed_before / self.judged, self.passed_after / self.judged

    @property
    def verdict_p(self) -> float:
        return mcnemar_exact(self.better, self.worse)

    @property
    def mean_change(self) -> float | None:
        return sum(self.changes) / self.scored if self.scored else None

    @property
    def interval(self) -> Interval | None:
        return bootstrap_mean(self.changes, seed=SEED)

    @property
    def score_p(self) -> float:
        return wilcoxon(self.changes)


@dataclass(frozen=True, slots=True)
class GroupChange:
    """A group, with the p-value of its verdicts corrected for the number of groups."""

    dimension: str
    value: str
    change: Change
    p_value: float


class Comparison:
    """All pairs of two runs."""

    def __init__(self, joined: Joined) -> None:
        self.joined = joined
        self.all = Change()
        self._groups = Groups(Change)

    def add(self, pair: Pair) -> dict[str, str]:
        """Count a pair; return its groups."""
        labels = labels_of(pair.row)
        labels = {k: v for k, v in labels.items() if k not in (ANSWER_LENGTH, MODEL)}
        self.all.add(pair)
        self._groups.add(pair, labels)
        return labels

    def groups(self) -> list[GroupChange]:
        """Return all groups by dimension, with Holm's correction over them."""
        found = [
            (dimension, value, change)
            for dimension, values in self._groups.dimensions()
            for value, change in values
        ]
        corrected = holm([change.verdict_p for *_, change in found])
        return [GroupChange(*each, p) for each, p in zip(found, corrected, strict=True)]

    def findings(self) -> list[str]:
        """Return what one may conclude, in sentences, and no more."""
        said = []
        if self.joined.one_gate and self.all.judged:
            said.append(_verdicts(self.all))
        if self.all.scored:
            said.append(_scores(self.all))
        return said

    def warnings(self) -> list[str]:
        said = []
        if not self.joined.one_gate:
            said.append(
                "Metrics or thresholds differ between the runs: their verdicts are not comparable,"
                f" scores ({self.joined.metric}) are."
            )
        elif any(
            each.metric is None for each in (*self.joined.before.bases, *self.joined.after.bases)
        ):
            said.append("Not all rows tell which metric was in force: F1 is compared.")
        if self.joined.only_before or self.joined.only_after:
            said.append(
                f"Without a partner, and left out: {self.joined.only_before} rows of the first"
                f" run, {self.joined.only_after} of the second."
            )
        if count := self.all.verdicts["not judged"]:
            said.append(
                f"{count} questions died, were not scored or had no end in one of the runs: their"
                " verdicts are left out."
            )
        return said


def _verdicts(change: Change) -> str:
    p, counts = change.verdict_p, f"{change.better} better, {change.worse} worse"
    if p >= SIGNIFICANT:
        return (
            f"No significant difference in verdicts at 5 %: {counts} (McNemar's exact test,"
            f" p = {p:.2g})."
        )
    word = "more" if change.better > change.worse else "fewer"
    return f"Significantly {word} answers pass: {counts} (McNemar's exact test, p = {p:.2g})."


def _scores(change: Change) -> str:
    p, mean, interval = change.score_p, change.mean_change or 0.0, change.interval
    around = f", 95 % interval {interval.low:+.4f} to {interval.high:+.4f}" if interval else ""
    figures = f"mean change {mean:+.4f}{around} (paired bootstrap); Wilcoxon p = {p:.2g}"
    apart = interval is not None and not (interval.low <= 0 <= interval.high)
    if p < SIGNIFICANT and apart:
        return f"Scores are significantly {'higher' if mean > 0 else 'lower'}: {figures}."
    if p < SIGNIFICANT or apart:
        return f"The tests of the scores do not agree, so nothing is certain: {figures}."
    return f"No significant difference in scores at 5 %: {figures}."
