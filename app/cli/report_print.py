"""A quality report on the terminal: the headline figures and the weak groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

from app.charts.numbers import duration, percent, shown
from app.cli.output import printable, stdout
from app.core.costs import total
from app.core.lifecycle import Status

if TYPE_CHECKING:
    from app.quality_report.figures import Figures
    from app.quality_report.page import About


def print_report(figures: Figures, about: About) -> None:
    """Print the figures that matter most."""
    from app.quality_report.groups import shown_dimension
    from app.quality_report.page import gate_words, headline, warnings
    from app.quality_report.prices import cost
    from app.quality_report.time_sections import money
    from app.quality_report.weak import weak_groups
    from app.quality_report.words import between, p_value, score

    console = stdout()
    for said in warnings(figures):
        console.print(f"warning: {printable(said)}", style="yellow")
    table = Table(title=printable(headline(figures)), title_justify="left", title_style="bold")
    for name in ("state", "questions", "share", "95 % interval"):
        table.add_column(name, justify="left" if name == "state" else "right")
    for status in Status:
        if status.final or figures.counts[status]:
            found = figures.share(status)
            share = (percent(found[0]), between(found[1])) if found else ("-", "-")
            table.add_row(str(status), str(figures.counts[status]), *share)
    console.print(table)
    costs = total(figures.costs)
    price = cost(figures.costs, about.prices)
    facts = [
        gate_words(figures.basis) if figures.bases else None,
        f"mean score {score(figures.all.mean_score)}",
        f"{shown(costs.calls or figures.calls)} model calls, {shown(costs.tokens)} tokens written",
        f"cost {money(price)}" if price is not None else None,
        f"wall time {duration(figures.wall_seconds)}",
    ]
    console.print(printable("; ".join(each for each in facts if each)))
    weak, tested = weak_groups(figures.groups.dimensions())
    for each in weak:
        name = f"{shown_dimension(each.dimension)}: {each.value}"
        console.print(
            f"weak: {printable(name)}: {percent(each.tally.pass_share)} of"
            f" {shown(each.tally.judged)} pass, the rest {percent(each.rest_share)}"
            f" ({p_value(each.p_value)})"
        )
    if tested and not weak:
        console.print(f"no group of {tested} passes significantly less often than the rest")
