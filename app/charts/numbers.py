"""Numbers and times as people read them. What is no number becomes a dash, never an error."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

#: Between the thousands of a number: narrow, and no line ends there.
THIN = "\N{NARROW NO-BREAK SPACE}"


def number(value: Any) -> int:
    """Return a count; 0 for what is none."""
    return int(value) if real(value) is not None else 0


def real(value: Any) -> float | None:
    """Return a finite number, or None."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < float("inf") else None


def shown(value: Any) -> str:
    """Return a value as people read it: grouped thousands, three digits that matter, no NaN."""
    match value:
        case None:
            said = "\N{EN DASH}"
        case bool():
            said = "yes" if value else "no"
        case int():
            said = f"{value:,}".replace(",", THIN)
        case float():
            said = _decimal(value)
        case list() | tuple():
            said = ", ".join(shown(each) for each in value)
        case dict():
            said = ", ".join(f"{key}: {shown(each)}" for key, each in value.items())
        case _:
            said = str(value)
    return said


def counted(value: Any) -> str:
    """Return a number as `shown`; a dash for what is none."""
    return shown(None if real(value) is None else value)


def _decimal(value: float) -> str:
    if not math.isfinite(value):
        return "\N{EN DASH}"
    if value == int(value) or abs(value) >= 1000:
        return shown(round(value))
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:.{min(digits, 6)}f}".rstrip("0").rstrip(".")


def duration(value: Any) -> str:
    """Return seconds as `0.25 s`, `48 s`, `3 min 5 s`, `1 h 2 min`; a dash for what is none."""
    seconds = real(value)
    if seconds is None:
        return "\N{EN DASH}"
    if seconds < 100:
        return f"{shown(round(seconds, 1 if seconds >= 1 else 3))} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{hours} h" if hours else "", f"{minutes} min", f"{rest} s" if not hours else ""]
    return " ".join(part for part in parts if part and part != "0 s")


def moment(value: Any) -> str:
    """Return a Unix time as a date with minutes, in UTC; a dash for what is none."""
    unix = real(value)
    if unix is None:
        return "\N{EN DASH}"
    try:
        return datetime.fromtimestamp(unix, UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (OverflowError, OSError, ValueError):
        return "\N{EN DASH}"


def words(name: str) -> str:
    """Return `settle_seconds` as `settle seconds`."""
    return name.replace("_", " ")


def percent(share: Any) -> str:
    """Return a share as `27.8 %`, `0.04 %`, `100 %`; a dash for what is none."""
    value = real(share)
    if value is None:
        return "\N{EN DASH}"
    value = round(value * 100, 9)
    if 0 < value < 0.01:
        return f"<0.01{THIN}%"
    digits = 0 if value == int(value) or value >= 100 else 1 if value >= 1 else 2
    return f"{value:.{digits}f}{THIN}%"


def percent_text(share: Any) -> str:
    """Return a share as `percent`, with a plain space: for logs, JSON and errors."""
    return percent(share).replace(THIN, " ")


def percents(low: float, high: float) -> str:
    """Return the ends of an interval of shares as `68 to 91.2 %`."""
    ends = [percent(round(each, 3)).removesuffix(f"{THIN}%") for each in (low, high)]
    return f"{ends[0]} to {ends[1]}{THIN}%"


def compact(value: float) -> str:
    """Return a number in little room: from 100,000 on `250k`, `1.5M`, `2G`."""
    for unit, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= max(unit, 1e5):
            return f"{_decimal(value / unit)}{name}"
    return shown(value)
