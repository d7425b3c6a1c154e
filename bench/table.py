"""The one table of a run: for a terminal, and as the block of docs/benchmarks.md."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.goals import Goal
from bench.machine import busy
from bench.results import Ran, Row

COLUMNS = ("what", "measured", "peer", "ratio", "goal", "met")
BEGIN, END = "<!-- bench: begin -->", "<!-- bench: end -->"


def cells(row: Row) -> tuple[str, ...]:
    """Return the row as texts, in the order of COLUMNS."""
    figure = row.figure
    peer = "-" if figure.peer is None else f"{_number(figure.peer)} ({figure.peer_name})"
    ratio = "-" if figure.ratio is None else f"{figure.ratio:.2f}"
    measured = f"{_number(figure.measured)} {figure.unit}".rstrip()
    return (figure.name, measured, peer, ratio, _goal(row.goal, figure.unit), _met(row))


def markdown(about: dict[str, Any], ran: Sequence[Ran], rows: Sequence[Row]) -> str:
    """Return the table with machine, versions and command, as it stands between the marks."""
    lines = [
        f"`{about['command']}`, {about['started_at'][:10]}, {about['seconds'] / 60:.0f} minutes."
    ]
    lines += [f"{line}." for line in facts(about)]
    lines += ["", _line(COLUMNS), _line(["---"] * len(COLUMNS))]
    lines += [_line(cells(row)) for row in rows]
    if rows:
        lines += ["", f"{verdict(rows)}."]
    if missing := [each for each in ran if each.status != "done"]:
        words = (f"`{each.name}` ({each.status})" for each in missing)
        lines += ["", f"Not measured: {', '.join(words)}."]
    return "\n".join(lines)


def facts(about: dict[str, Any]) -> list[str]:
    """Return what was measured, and on what, in lines without a full stop."""
    machine, code = about["machine"], about["code"]
    versions = ", ".join(f"{name} {each}" for name, each in machine["packages"].items() if each)
    memory = "" if machine["memory_gib"] is None else f", {machine['memory_gib']} GiB"
    load = " ".join(f"{each:g}" for each in machine["load"])
    note = ": other programs were at work, so read the ratios" if busy(machine) else ""
    changed = " with uncommitted changes" if code["changed"] else ""
    return [
        f"{machine['cores']} cores of {machine['cpu']}{memory}, {machine['system']}",
        f"Load at the start {load}{note}",
        f"Commit {code['commit'] or 'unknown'}{changed}; Python {machine['python']}, {versions}",
    ]


def verdict(rows: Sequence[Row]) -> str:
    """Return how many goals were met, in a phrase."""
    judged = [row.met for row in rows if row.met is not None]
    shown = sum(row.goal is not None and row.met is None for row in rows)
    later = f"; {shown} were not judged, the run was too small for them" if shown else ""
    return f"{sum(judged)} of {len(judged)} figures with a goal meet it{later}"


def write_block(file: Path, text: str) -> None:
    """Put `text` between the marks of a page. Raises ValueError where they are not there once."""
    page = file.read_text(encoding="utf-8")
    if page.count(BEGIN) != 1 or page.count(END) != 1 or page.index(BEGIN) > page.index(END):
        raise ValueError(f"{file}: needs one line {BEGIN} and, below it, one line {END}")
    before, rest = page.split(BEGIN)
    after = rest.split(END)[1]
    file.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")


def _line(texts: Sequence[str]) -> str:
    return f"| {' | '.join(text.replace('|', chr(92) + '|') for text in texts)} |"


def _number(value: float) -> str:
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def _goal(goal: Goal | None, unit: str) -> str:
    if goal is None:
        return "-"
    sign = ">=" if goal.at_least else "<="
    if goal.of == "ratio":
        return f"{sign} {goal.bound:g}x"
    return f"{sign} {goal.bound:g} {unit}".rstrip()


def _met(row: Row) -> str:
    if row.goal is None:
        return ""
    return {True: "met", False: "not met", None: "not judged"}[row.met]
