"""The ratings' figures as tables for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table

from app.charts.numbers import percent
from app.cli.output import printable
from app.core.questions import timestamp

BAR_CELLS = 40
#: Columns whose whole numbers are counts, and not ids.
_COUNTS = frozenset({"events", "ratings", "value"})
_FIGURES = {
    "users": "users",
    "movies": "movies",
    "mean": "mean rating",
    "predicted": "predicted",
    "rmse": "their error (RMSE, stars)",
}


def stats_tables(found: dict[str, Any]) -> RenderableType:
    """Return events by outcome, current ratings by stars, figures, and the newest windows."""
    shown: list[RenderableType] = [
        _table("events", ("outcome", "events", "share"), _outcomes(found)),
        _table("current ratings", ("stars", "ratings", ""), _bars(found["by_rating"])),
        _table(None, ("figure", "value"), [(_FIGURES[name], found[name]) for name in _FIGURES]),
    ]
    if found["windows"]:
        title = f"newest windows of {found['window_seconds']} s, by the ratings' own time"
        most = max(window["count"] for window in found["windows"])
        rows = [
            (
                timestamp(window["start"] / 1000),
                window["count"],
                window["mean"],
                _bar(window["count"], most),
            )
            for window in found["windows"]
        ]
        shown.append(_table(title, ("from", "ratings", "mean", ""), rows))
    return Group(*shown)


def recommendation_table(found: dict[str, Any]) -> RenderableType:
    """Return a user's movies, best first, under a line on where they come from."""
    if found["source"] == "user":
        title = (
            f"for user {found['userId']}: model {found['model']}, on {found['ratings']:,} ratings, "
            f"made at {found['made_at']}"
        )
    else:
        title = f"nothing is known of user {found['userId']}: popular movies"
    rows = [
        (place, movie["movieId"], movie["score"], movie["confidence"])
        for place, movie in enumerate(found["movies"], 1)
    ]
    return _table(title, ("", "movie", "score", "confidence"), rows)


def _outcomes(found: dict[str, Any]) -> list[tuple[str, int, str]]:
    counts = {name: found[name] for name in ("valid", "duplicate", "stale")}
    counts |= {f"rejected: {rule}": count for rule, count in found["rejected"].items()}
    events = sum(counts.values())
    counts["all"] = events
    counts |= {f"valid, {name}": found[key] for name, key in _ODD_TIMES.items()}
    return [
        (name, count, percent(count / events) if events else "-") for name, count in counts.items()
    ]


_ODD_TIMES = {
    "out of order": "out_of_order",
    "too late for a window": "late",
    "dated ahead": "future",
}


def _bars(by_rating: dict[str, int]) -> list[tuple[str, int, str]]:
    most = max(by_rating.values(), default=0)
    return [(stars, count, _bar(count, most)) for stars, count in by_rating.items()]


def _bar(count: int, most: int) -> str:
    """Return a bar in proportion; what is there at all has one cell at least."""
    return "█" * (max(1, round(BAR_CELLS * count / most)) if count else 0)


def _count(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else printable(value)


def _table(
    title: str | None, columns: Sequence[str], rows: Sequence[Sequence[Any]]
) -> RenderableType:
    """Return a table under its title, which may be wider than the table."""
    table = Table(header_style="bold")
    for number, column in enumerate(columns):
        number_like = bool(rows) and isinstance(rows[0][number], int | float)
        table.add_column(column, justify="right" if number_like else "left")
    for row in rows:
        cells = zip(columns, row, strict=True)
        table.add_row(
            *(_count(cell) if name in _COUNTS else printable(cell) for name, cell in cells)
        )
    return Group(printable(title), table) if title else table
