"""A run of benches: what each printed, its figures, and their goals; as JSON and back."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from bench.figures import Figure
from bench.goals import Goal

Status = Literal["done", "failed", "left out"]


@dataclass(frozen=True, slots=True)
class Row:
    """A figure of a bench, beside its goal; `met` is None where the run does not judge it."""

    bench: str
    figure: Figure
    goal: Goal | None
    met: bool | None


@dataclass(frozen=True, slots=True)
class Ran:
    """One bench: its command, what became of it, and the object that it printed."""

    name: str
    command: str
    status: Status
    seconds: float = 0.0
    reason: str = ""
    raw: dict[str, Any] | None = None


def rows_of(bench: str, figures: list[Figure], goals: dict[str, Goal]) -> list[Row]:
    """Put its goal beside each figure."""
    rows = []
    for figure in figures:
        goal = goals.get(f"{bench}.{figure.key}")
        rows.append(Row(bench, figure, goal, goal.met(figure) if goal else None))
    return rows


def as_json(about: dict[str, Any], ran: list[Ran], rows: list[Row]) -> dict[str, Any]:
    """Return the whole run as one object."""
    return {**about, "benches": [asdict(each) for each in ran], "figures": [*map(_row, rows)]}


def _row(row: Row) -> dict[str, Any]:
    goal = row.goal
    return {
        "bench": row.bench,
        **asdict(row.figure),
        "ratio": row.figure.ratio,
        "goal": None if goal is None else asdict(goal),
        "met": row.met,
    }


def from_json(found: dict[str, Any]) -> tuple[dict[str, Any], list[Ran], list[Row]]:
    """Read a run again. Raises ValueError with an object that is not one."""
    try:
        ran = [Ran(**each) for each in found["benches"]]
        rows = []
        for entry in found["figures"]:
            fields = {name: entry[name] for name in Figure.__dataclass_fields__}
            goal = None if entry["goal"] is None else Goal(**entry["goal"])
            rows.append(Row(entry["bench"], Figure(**fields), goal, entry["met"]))
        about = {name: found[name] for name in ("command", "quick", "started_at", "machine")}
        return {**about, "code": found["code"], "seconds": found["seconds"]}, ran, rows
    except (KeyError, TypeError) as error:
        raise ValueError(f"not what `python -m bench --json` prints: {error!r}") from None
