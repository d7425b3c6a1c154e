"""Axes: where a value is drawn, and which round numbers stand beside it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from app.charts.numbers import compact, shown

_TIME_STEPS = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 43_200)

#: A latency axis is logarithmic when its largest value is so many times the typical one.
_WIDE = 20.0


@dataclass(frozen=True, slots=True)
class Tick:
    """A round value and its text."""

    value: float
    label: str


@dataclass(frozen=True, slots=True)
class Axis:
    """From `low` to `high`, with ticks at round numbers; `log`: equal steps are equal factors."""

    low: float
    high: float
    ticks: tuple[Tick, ...]
    log: bool = False

    def share(self, value: float) -> float:
        """Return where `value` lies between the ends: 0 at `low`, 1 at `high`, never outside."""
        if self.log:
            low, high = math.log(self.low), math.log(self.high)
            place = (math.log(max(value, self.low)) - low) / (high - low)
        else:
            place = (value - self.low) / (self.high - self.low)
        return min(1.0, max(0.0, place))


def count_axis(values: Iterable[float], steps: int = 4) -> Axis:
    """Return an axis from 0 for counts, in about `steps` steps of whole numbers."""
    return _linear(max(values, default=0.0), steps, whole=True)


def seconds_axis(values: Sequence[float]) -> Axis:
    """Return an axis for latencies in seconds: logarithmic where a linear one would hide most."""
    positive = sorted(value for value in values if value > 0)
    if not positive or positive[-1] < _WIDE * positive[len(positive) // 2]:
        return _linear(positive[-1] if positive else 0.0, 4, whole=False)
    high = _round_step(positive[-1])
    low = 1 / _round_step(1 / positive[0])
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    factors = (1,) if high / low >= 100 else (1, 2, 5)
    rounds = [factor * 10.0**decade for decade in decades for factor in factors]
    ticks = tuple(Tick(at, shown(at)) for at in rounds if low * 0.999 <= at <= high * 1.001)
    return Axis(low, high, ticks, log=True)


def plain_axis(values: Iterable[float], steps: int = 4) -> Axis:
    """Return an axis around values that may be far from 0, in about `steps` steps."""
    found = list(values) or [0.0, 1.0]
    low, high = min(found), max(found)
    step = _round_step(max(high - low, abs(high) * 0.02, 1e-6) / steps)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    last = max(last, first + 1)
    ticks = tuple(Tick(n * step, shown(round(n * step, 9))) for n in range(first, last + 1))
    return Axis(first * step, last * step, ticks)


def time_axis(end: float, most: int) -> tuple[Axis, str]:
    """Return an axis for times from 0 to `end` seconds with `most` ticks or so, and its unit."""
    end = max(end, 1.0)
    step = next((each for each in _TIME_STEPS if end / each <= most + 0.5), None)
    step = step or math.ceil(end / most / 86_400) * 86_400
    units = ((86_400, 86_400, "d"), (1800, 3600, "h"), (60, 60, "min"), (0, 1, "s"))
    divisor, unit = next((each, name) for least, each, name in units if step >= least)
    ticks = [Tick(at, shown(at / divisor)) for at in range(0, math.floor(end) + 1, step)]
    return Axis(0.0, end, tuple(ticks)), unit


def _linear(highest: float, steps: int, *, whole: bool) -> Axis:
    if highest <= 0:
        highest = 1.0
    step = _round_step(highest / steps)
    if whole:
        step = max(1.0, step)
    count = math.ceil(highest / step - 1e-9)
    ticks = tuple(Tick(n * step, compact(round(n * step, 9))) for n in range(count + 1))
    return Axis(0.0, count * step, ticks)


def _round_step(rough: float) -> float:
    """Return the least of 1, 2, 5, 10, ... times a power of ten that is not below `rough`."""
    power = 10.0 ** math.floor(math.log10(rough))
    return next(each * power for each in (1.0, 2.0, 5.0, 10.0) if each * power >= rough * 0.999)
