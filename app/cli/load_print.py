"""What `load` shows: a view on stderr while it runs, tables at its end."""

from __future__ import annotations

import asyncio
from math import isinf
from types import TracebackType
from typing import Self

from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from app.charts.numbers import percent
from app.cli.output import printable
from app.load.findings import findings
from app.load.histogram import Histogram
from app.load.plan import SHARES
from app.load.playing import Played
from app.load.results import Results


class LoadView:
    """Shows a run as it goes: live on a terminal, else a line now and then."""

    def __init__(self, console: Console, line_seconds: float) -> None:
        self._console = console
        self._line_seconds = line_seconds
        self._line_at = line_seconds
        self._live = Live(console=console, auto_refresh=False, transient=True)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.stop()

    async def show(self, played: Played) -> None:
        now = played.now()
        if self._console.is_terminal:
            # Drawing takes milliseconds, in which no request could begin: it has its own thread.
            await asyncio.to_thread(self._live.update, _view(played, now), refresh=True)
        elif now >= self._line_at:
            self._line_at = now + self._line_seconds
            self._console.print(_line(played, now), markup=False, soft_wrap=True)


def summary(played: Played) -> Group:
    """Return the tables of a run that is over."""
    results, plan = played.results, played.plan
    head = Text(f"{played.phase}  ", style="yellow" if results.interrupted else "green")
    head.append(f"run {plan.run}  {', '.join(plan.urls)}", style="default")
    counts = Columns([_outcomes(results), *_states(results)])
    return Group(head, _rates(played), _latencies(played), counts)


def _view(played: Played, now: float) -> Group:
    results = played.results
    parts: list[RenderableType] = [_head(played, now), _now(played, now)]
    parts += [_latencies(played), Columns([_outcomes(results), *_states(results)])]
    parts += [Text(each, style="yellow") for each in findings(played)[:3]]
    return Group(*parts)


def _head(played: Played, now: float) -> Table:
    plan, results = played.plan, played.results
    grid = Table.grid(padding=(0, 1))
    if plan.expected_count is not None:
        done, whole = float(results.due), float(plan.expected_count)
        words = f"{results.due:,} of {plan.expected_count:,} requests"
    else:
        whole = plan.expected_seconds or 1.0
        done, words = min(now, whole), f"{min(now, whole):.0f} of {whole:.0f} s"
    bar = ProgressBar(total=whole, completed=min(done, whole), width=30)
    grid.add_row(Text(played.phase, style="bold"), bar, words, f"run {plan.run}")
    return grid


def _now(played: Played, now: float) -> Table:
    """The last whole window."""
    results = played.results
    window, width = results.windows.last_before(now), results.windows.seconds
    table = _table("each s", "due", "accepted", "settled", "refused", "errors")
    table.add_column("in flight", justify="right")
    table.add_column("not ended", justify="right")
    counts = (window.due, window.accepted, window.settled, window.refused, window.errors)
    waiting = played.follower.waiting if played.follower else 0
    table.add_row(
        "now", *(f"{n / width:,.1f}" for n in counts), f"{results.in_flight:,}", f"{waiting:,}"
    )
    return table


def _line(played: Played, now: float) -> str:
    results = played.results
    p99 = _said(results.accept_seconds.quantile(0.99), "unanswered")
    return (
        f"{now:.0f} s: {results.due:,} due, {results.accepted:,} accepted (p99 {p99}),"
        f" {results.settled:,} settled, {sum(results.refused.values()):,} refused,"
        f" {sum(results.errors.values()) + results.unanswered:,} errors,"
        f" {results.not_sent:,} not sent"
    )


def _rates(played: Played) -> Table:
    results = played.results
    rates = results.per_second
    lasts = [results.last_due, results.last_accepted, results.last_settled]
    if played.follower is None:
        del rates["settled"], lasts[-1]
    table = _table("", *rates)
    table.add_row("each second", *(f"{rate:,.1f}" for rate in rates.values()))
    table.add_row("until second", *(f"{last:,.1f}" for last in lasts))
    return table


def _latencies(played: Played) -> Table:
    results = played.results
    table = _table("until", "requests", *SHARES, "max")
    table.add_row(*_latency("accepted", results.accept_seconds, "unanswered"))
    if played.follower is not None:
        table.add_row(*_latency("settled", results.settle_seconds, "not ended"))
    table.add_row(*_latency("sent", results.lag_seconds, "-"))
    return table


def _latency(name: str, found: Histogram, missing: str) -> list[str]:
    shares = (found.quantile(share) for share in (*SHARES.values(), 1.0))
    count = f"{found.count + found.missing:,}"
    return [name, count, *(_said(each, missing) for each in shares)]


def _said(seconds: float | None, missing: str) -> str:
    if seconds is None:
        return "-"
    if isinf(seconds):
        return missing
    if seconds < 1:
        return f"{seconds * 1000:.3g} ms" if seconds < 0.9995 else "1.00 s"
    return f"{seconds:.2f} s" if seconds < 100 else f"{seconds:,.0f} s"


def _outcomes(results: Results) -> Table:
    table = _table("requests", "count", "share")
    rows = [
        ("accepted", results.accepted),
        ("  of them answered before", results.known),
        *((f"refused: {key}", n) for key, n in results.refused.most_common()),
        *((f"error: {key}", n) for key, n in results.errors.most_common()),
        ("error: no answer in time", results.unanswered),
        ("cut off by the interrupt", results.cut),
        ("not sent", results.not_sent),
    ]
    for name, count in rows:
        if count or name == "accepted":
            table.add_row(printable(name), f"{count:,}", percent(count / max(1, results.due)))
    return table


def _states(results: Results) -> list[Table]:
    if not results.followed:
        return []
    table = _table("ended", "count", "share")
    for state, count in results.states.most_common():
        table.add_row(printable(state), f"{count:,}", percent(count / results.followed))
    if results.unsettled:
        left = results.unsettled
        table.add_row("not ended", f"{left:,}", percent(left / results.followed))
    return [table]


def _table(first: str, *columns: str) -> Table:
    table = Table(header_style="bold")
    table.add_column(first)
    for column in columns:
        table.add_column(column, justify="right", overflow="fold")
    return table
