"""What `watch` shows: a few small tables under each other."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from app.cli.groups_lag import span
from app.cli.output import printable
from app.core.terminal import neutralised

_COLOURS = {"healthy": "green", "degraded": "yellow", "unhealthy": "red"}


def tables(found: dict[str, Any]) -> Group:
    """Return a look as something to print; parts that the worker does not have are left out."""
    status = str(found["status"])
    head = Text(f"{status}  ", style=_COLOURS.get(status, ""))
    head.append(f"{found['url']}  version {found['version']}  {found['at']}", style="default")
    parts: list[RenderableType] = [head]
    if found["questions"] is not None:
        parts += [_states(found["questions"]), *_waits(found)]
    if found["model"] is not None:
        parts.append(_model(found["model"]))
    parts.append(_flow(found))
    parts += [
        Text(neutralised(f"{finding['level']}: {finding['text']}"), style="yellow")
        for finding in found["findings"]
    ]
    return Group(*parts)


def _table(*columns: str) -> Table:
    table = Table(header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _states(questions: dict[str, Any]) -> Table:
    states = questions["by_status"]
    table = _table("questions", "in progress", *states, "oldest")
    oldest = questions["oldest_seconds"]
    table.add_row(
        f"{questions['accepted']:,}",
        f"{questions['in_progress']:,}",
        *(f"{count:,}" for count in states.values()),
        "-" if oldest is None else span(oldest),
    )
    return table


def _waits(found: dict[str, Any]) -> list[Table]:
    waiting = found["questions"]["waiting"]
    if not waiting:
        return []
    now = datetime.fromisoformat(found["at"])
    table = _table("waiting for", "questions", "next due")
    for group in waiting:
        left = (datetime.fromisoformat(group["next_due_at"]) - now).total_seconds()
        due = f"in {span(left)}" if left > 0 else f"{span(-left)} ago"
        table.add_row(printable(group["cause"]), f"{group['questions']:,}", due)
    return [table]


def _model(model: dict[str, Any]) -> Table:
    table = _table("model", "in flight", "limit", "in line", "breaker", "pause", "p50", "p95")
    table.add_row(
        printable(model["model"]),
        str(model["in_flight"]),
        f"{model['limit']} of {model['ceiling']}",
        str(model["in_line"]),
        printable(model["breaker"]),
        f"{model['pause_seconds']:g} s",
        *("-" if model[p] is None else f"{model[p]:.2f} s" for p in ("p50_seconds", "p95_seconds")),
    )
    return table


def _flow(found: dict[str, Any]) -> Table:
    rates, lag = found["per_second"], found["lag"] or {}
    table = _table("each second", *(rates or ("-",)), *(f"lag of {name}" for name in lag))
    shown = [f"{rate:,.1f}" for rate in rates.values()] if rates else ["-"]
    table.add_row("", *shown, *(f"{count:,}" for count in lag.values()))
    return table
