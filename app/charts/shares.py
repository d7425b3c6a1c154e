"""Curves of one share over a logarithm: how much the first 1, 10, 100, ... of many hold."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from app.charts.markup import Html, join
from app.charts.numbers import compact, percent
from app.charts.points import Point
from app.charts.strokes import path, stroke, svg, words

_LEFT, _TOP, _RIGHT, _FOOT = 52.0, 26.0, 22.0, 40.0
_QUARTERS = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True, slots=True)
class Curve:
    """Points of (count from 1, share from 0 to 1) in a class of the style sheet."""

    style: str
    points: Sequence[Point]
    filled: bool = False


def draw_shares(
    curves: Sequence[Curve],
    most: float,
    size: tuple[float, float],
    about: str,
    names: tuple[str, str],
) -> Html:
    """Return curves from 1 to `most` in `size` units; `names` are of the axes: along, and up."""
    width, height = size
    inner, tall = width - _LEFT - _RIGHT, height - _TOP - _FOOT
    base, decades = _TOP + tall, math.log10(max(most, 10.0))

    def x(count: float) -> float:
        return round(_LEFT + inner * math.log10(max(1.0, count)) / decades, 1)

    def y(share: float) -> float:
        return round(base - tall * share, 1)

    parts = [words(names[1], _LEFT, _TOP - 10, "title")]
    for share in _QUARTERS:
        parts.append(stroke("grid", _LEFT, y(share), _LEFT + inner, y(share)))
        parts.append(words(percent(share), _LEFT - 7, y(share) + 4, "tick", "end"))
    for decade in range(math.floor(decades + 1e-9) + 1):
        at = x(10.0**decade)
        parts.append(stroke("axis", at, base, at, base + 4))
        parts.append(words(compact(10**decade), at, base + 17, "tick", "middle"))
    for curve in curves:
        placed = [(x(count), y(share)) for count, share in curve.points]
        parts.append(path(placed, curve.style, base if curve.filled else None))
    parts.append(stroke("axis", _LEFT, base, _LEFT + inner, base))
    parts.append(words(names[0], _LEFT + inner / 2, base + 35, "unit", "middle"))
    return svg(width, height, about, join(*parts))
