"""The same figures of two commits: the median of each, their ratio, and what can be said of it."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from bench.figures import Better, Figure
from bench.rank_sum import Ratio, ratio_of

Verdict = Literal["slower", "faster", "no difference shown", "not compared"]
Run = Sequence[Figure]


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure of base and head.

    `ratio` is the middle of all ratios head / base, `low` to `high` its interval, None where the
    values are too few or not above 0. `slower` and `faster` (worse and better, for what is no
    speed) say that the interval does not hold 1; `beyond`, that the loss is over the tolerance.
    """

    bench: str
    name: str
    unit: str
    better: Better
    base: float
    head: float
    ratio: float | None
    low: float | None
    high: float | None
    verdict: Verdict
    beyond: bool


def differences(
    bench: str, base: Sequence[Run], head: Sequence[Run], *, tolerance: float, confidence: float
) -> list[Difference]:
    """Compare the figures that every run has, in the order of the first."""
    values = [{_key(figure): figure.measured for figure in run} for run in (*base, *head)]
    shared = set.intersection(*(set(each) for each in values))
    found = []
    for figure in base[0]:
        if (key := _key(figure)) in shared:
            of_base = [each[key] for each in values[: len(base)]]
            of_head = [each[key] for each in values[len(base) :]]
            found.append(_difference(bench, figure, of_base, of_head, tolerance, confidence))
    return found


def _key(figure: Figure) -> tuple[str, str]:
    return figure.key, figure.case


def _difference(
    bench: str,
    figure: Figure,
    base: Sequence[float],
    head: Sequence[float],
    tolerance: float,
    confidence: float,
) -> Difference:
    try:
        found = ratio_of(base, head, confidence)
    except ValueError:
        found = None
    verdict = _verdict(found, figure.better)
    interval = found.interval if found else None
    return Difference(
        bench=bench,
        name=figure.name,
        unit=figure.unit,
        better=figure.better,
        base=statistics.median(base),
        head=statistics.median(head),
        ratio=found.middle if found else None,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        verdict=verdict,
        beyond=verdict == "slower"
        and found is not None
        and _loss(found, figure.better) > tolerance,
    )


def _verdict(found: Ratio | None, better: Better) -> Verdict:
    if found is None:
        return "not compared"
    if found.interval is None or 1.0 in found.interval:
        return "no difference shown"
    return "slower" if (found.interval.low > 1) == (better == "lower") else "faster"


def _loss(found: Ratio, better: Better) -> float:
    """Return by which share it takes longer: a rate that is halved takes 1 (100 %) longer."""
    return (found.middle if better == "lower" else 1 / found.middle) - 1
