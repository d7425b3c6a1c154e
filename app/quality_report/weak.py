"""Where the model is weak: groups that pass clearly less often than all other questions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from app.core.statistics import fisher_less, holm
from app.quality_report.groups import Tally

#: Groups of fewer judged answers tell too little to be tested.
LEAST_JUDGED = 5
SIGNIFICANT = 0.05


@dataclass(frozen=True, slots=True)
class Weak:
    """A group, the pass share of all others, and the p-value corrected for the number of tests."""

    dimension: str
    value: str
    tally: Tally
    rest_share: float
    p_value: float


def weak_groups(
    dimensions: Iterable[tuple[str, Sequence[tuple[str, Tally]]]],
) -> tuple[list[Weak], int]:
    """Return the weak groups, the lowest pass share first, and how many groups were tested.

    A group is weak when Fisher's exact test says so after Holm's correction at 5 %. The rest of a
    group are the other questions of its dimension.
    """
    tested: list[Weak] = []
    for dimension, values in dimensions:
        passed = sum(tally.passed for _, tally in values)
        judged = sum(tally.judged for _, tally in values)
        for value, tally in values:
            others, others_passed = judged - tally.judged, passed - tally.passed
            if tally.judged < LEAST_JUDGED or others < LEAST_JUDGED:
                continue
            p = fisher_less(tally.passed, tally.judged, others_passed, others)
            tested.append(Weak(dimension, value, tally, others_passed / others, p))
    corrected = holm([each.p_value for each in tested])
    found = [
        Weak(each.dimension, each.value, each.tally, each.rest_share, p)
        for each, p in zip(tested, corrected, strict=True)
        if p < SIGNIFICANT
    ]
    return sorted(found, key=lambda each: (each.tally.pass_share or 0.0, each.p_value)), len(tested)
