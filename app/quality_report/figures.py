"""The figures of a report, added up row by row."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Mapping
from typing import Any

from app.core.costs import Costs, merged
from app.core.guards import guard_of
from app.core.lifecycle import Status
from app.core.statistics import Interval, wilson
from app.quality_report.groups import Groups, Tally
from app.quality_report.rows import Basis, Row, Try

#: More different causes or gates than this are counted as one: they are texts of a file.
_MOST_NAMES = 200
OTHERS = "others"


class Spread:
    """Seconds, or scores: kept as 8 bytes each."""

    def __init__(self) -> None:
        self._values = array("d")
        self._ordered = False

    def add(self, value: float) -> None:
        self._values.append(value)
        self._ordered = False

    def __len__(self) -> int:
        return len(self._values)

    @property
    def ordered(self) -> array[float]:
        """All values, ascending."""
        if not self._ordered:
            self._values = array("d", sorted(self._values))
            self._ordered = True
        return self._values


class Generation:
    """What the n-th generation of answers came to."""

    def __init__(self) -> None:
        self.reached = self.passed = self.scored = 0
        self.score_sum = 0.0

    @property
    def mean_score(self) -> float | None:
        return self.score_sum / self.scored if self.scored else None


class Figures:
    """All that the page shows, except its table."""

    def __init__(self) -> None:
        self.counts: Counter[Status] = Counter()
        self.all = Tally()
        self.groups = Groups(Tally)
        self.bases: Counter[Basis] = Counter()
        self.scores = {Status.VALIDATED: Spread(), Status.LOW_QUALITY: Spread()}
        self.generations: dict[int, Generation] = {}
        self.causes: dict[str, Tally] = {}
        self.guards: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()
        self.waits: dict[str, Spread] = {}
        self.call_seconds, self.end_to_end = Spread(), Spread()
        self.calls = 0
        self.first_at: float | None = None
        self.last_at: float | None = None
        self._row_costs: dict[str, Costs] = {}
        self._told_costs: dict[str, Costs] | None = None
        self._prompts_told = False

    def add(self, row: Row, labels: Mapping[str, str]) -> None:
        """Count a question; `labels` are of `groups.labels_of`."""
        self.counts[row.status] += 1
        self.all.add(row)
        self.groups.add(row, labels)
        if row.score is not None:
            self.bases[row.basis if len(self.bases) < _MOST_NAMES else Basis()] += 1
            if row.status in self.scores:
                self.scores[row.status].add(row.score)
        if row.cause:
            _tally(self.causes, row.cause).add(row)
        self._add_generations(row)
        self._add_calls(row)
        if row.accepted_at is not None:
            first = row.accepted_at if self.first_at is None else self.first_at
            self.first_at = min(first, row.accepted_at)
        if row.finished_at is not None:
            last = row.finished_at if self.last_at is None else self.last_at
            self.last_at = max(last, row.finished_at)
        if row.status.final and (seconds := row.end_to_end_seconds) is not None:
            self.end_to_end.add(seconds)

    def tell_costs(self, by_model: Mapping[str, Costs]) -> None:
        """Add costs from the ledger, which knows more than the rows: they replace these."""
        self._told_costs = merged([self._told_costs or {}, by_model])

    @property
    def costs(self) -> dict[str, Costs]:
        return self._row_costs if self._told_costs is None else self._told_costs

    @property
    def prompts_known(self) -> bool:
        """Whether the tokens that were read are known: older results files do not hold them."""
        return self._told_costs is not None or self._prompts_told

    @property
    def questions(self) -> int:
        return self.counts.total()

    @property
    def unfinished(self) -> int:
        return sum(n for status, n in self.counts.items() if not status.final)

    @property
    def validated_of(self) -> tuple[int, int]:
        """Validated questions, and all that could be: those that did not end `unscored`."""
        return self.counts[Status.VALIDATED], self.questions - self.counts[Status.UNSCORED]

    @property
    def basis(self) -> Basis:
        """The scorer, metric and threshold of most scores."""
        return self.bases.most_common(1)[0][0] if self.bases else Basis()

    @property
    def wall_seconds(self) -> float | None:
        """From the first question's arrival to the last end."""
        if self.first_at is None or self.last_at is None:
            return None
        return max(0.0, self.last_at - self.first_at)

    def share(self, status: Status) -> tuple[float, Interval] | None:
        """Return a state's share of all questions with its interval; None without questions."""
        if not self.questions:
            return None
        count = self.counts[status]
        return count / self.questions, wilson(count, self.questions)

    def _add_generations(self, row: Row) -> None:
        if not row.status.final or row.status is Status.UNSCORED:
            return
        last = max([1, row.generation, *(each.generation for each in row.tries)])
        for n in range(1, min(last, 100) + 1):
            self.generations.setdefault(n, Generation()).reached += 1
        if row.passed and row.generation <= 100:
            self.generations[max(1, row.generation)].passed += 1
        for each in row.tries:
            score = each.figures.get(row.basis.metric or "f1")
            if score is not None and (found := self.generations.get(each.generation)) is not None:
                found.scored += 1
                found.score_sum += score

    def _add_calls(self, row: Row) -> None:
        self.calls += row.calls
        failed: dict[int, str] = {}
        for each in row.tries:
            if each.seconds is not None:
                self.call_seconds.add(each.seconds)
            if each.cause:
                self.failures[_name(self.failures, each.cause)] += 1
            if each.why and (guard := guard_of(each.why)):
                self.guards[_name(self.guards, guard)] += 1
            if each.waited_seconds > 0:
                cause = _name(self.waits, failed.get(each.generation, "not told"))
                self.waits.setdefault(cause, Spread()).add(each.waited_seconds)
            if each.cause:
                failed[each.generation] = each.cause
            self._add_costs(each)
        if not row.tries and (row.tokens is not None or row.prompt_tokens is not None):
            self._add_sums(row)

    def _add_costs(self, each: Try) -> None:
        self._prompts_told |= each.prompt_tokens is not None
        model = _name(self._row_costs, each.model or "not told")
        self._row_costs[model] = self._row_costs.get(model, Costs()) + Costs(
            calls=1,
            prompt_tokens=each.prompt_tokens or 0,
            answered=int(each.answer is not None),
            failed=int(each.cause is not None),
            tokens=each.tokens or 0,
            untold=int(each.answer is not None and each.tokens is None),
            seconds=each.seconds or 0.0,
        )

    def _add_sums(self, row: Row) -> None:
        """Count the calls of a row that has sums alone, as a CSV does."""
        self._prompts_told |= row.prompt_tokens is not None
        model = _name(self._row_costs, "not told")
        self._row_costs[model] = self._row_costs.get(model, Costs()) + Costs(
            calls=row.calls,
            answered=int(row.answer is not None),
            prompt_tokens=row.prompt_tokens or 0,
            tokens=row.tokens or 0,
        )


def _tally(found: dict[str, Tally], name: str) -> Tally:
    return found.setdefault(_name(found, name), Tally())


def _name(found: Mapping[str, Any], name: str) -> str:
    return name if name in found or len(found) < _MOST_NAMES else OTHERS
