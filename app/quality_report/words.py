"""Shares, intervals and p-values as people read them."""

from __future__ import annotations

from app.charts.numbers import percents, shown
from app.core.statistics import Interval


def many(count: int, name: str) -> str:
    """Return `1 question`, `2 questions`."""
    return f"{shown(count)} {name}{'' if count == 1 else 's'}"


def between(interval: Interval) -> str:
    """Return a 95 % interval of a share as `68 to 91 %`."""
    return percents(*interval)


def p_value(p: float) -> str:
    """Return `p = 0.03`, `p < 0.001`."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}"


def score(value: float | None) -> str:
    return "\N{EN DASH}" if value is None else f"{value:.3f}"


def change(value: float | None, digits: int = 3) -> str:
    """Return a difference with its sign."""
    if value is None:
        return "\N{EN DASH}"
    return f"{value:+.{digits}f}".replace("-", "\N{MINUS SIGN}")
