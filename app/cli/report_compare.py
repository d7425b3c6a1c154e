"""`answerloop report --compare`: two runs, question by question."""

from __future__ import annotations

import csv
import heapq
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.charts.numbers import percent, shown
from app.cli.output import print_json, print_table, printable, stderr, stdout

if TYPE_CHECKING:
    from app.quality_report.compare.comparison import Comparison
    from app.quality_report.compare.pairs import Pair

_LISTED = 10


def compare(options: dict[str, Any]) -> None:
    """Compare two results files: page, CSV, JSON, or a table. Raises InputError."""
    from app.cli.ratings_progress import LiveCount
    from app.files.write import replacing
    from app.quality_report.compare import page
    from app.quality_report.compare.as_json import as_json
    from app.quality_report.compare.comparison import Comparison
    from app.quality_report.compare.pairs import Joined
    from app.quality_report.table import Chosen

    chosen, biggest = Chosen(), _Biggest()
    with LiveCount(stderr(), "comparing", None) as progress, _csv(options) as write:
        before, after = options["compare"]
        joined = Joined(before, after, options["join"])
        comparison = Comparison(joined)
        for read, pair in enumerate(joined.pairs(), 1):
            labels = comparison.add(pair)
            place = page.urgency(pair)
            wanted = options["out"] is not None and chosen.wants(place)
            row = page.table_row(pair, labels, one_gate=joined.one_gate) if wanted else None
            chosen.add(place, row)
            biggest.add(pair)
            write(pair)
            if read % 500 == 0:
                progress.show(read, "pairs compared")
    if options["out"] is not None:
        with replacing(options["out"]) as file:
            file.write(page.render(comparison, chosen))
    for path in (options["out"], options["csv_file"]):
        if path is not None:
            stderr().print(f"wrote {path}", markup=False)
    if options["as_json"]:
        print_json(as_json(comparison))
    else:
        _print(comparison, biggest)


class _Biggest:
    """The pairs that changed most, each way."""

    def __init__(self) -> None:
        self._order = count()
        self._up: list[tuple[float, int, Pair]] = []
        self._down: list[tuple[float, int, Pair]] = []

    def add(self, pair: Pair) -> None:
        if not pair.change:
            return
        heap = self._up if pair.change > 0 else self._down
        heapq.heappush(heap, (abs(pair.change), -next(self._order), pair))
        if len(heap) > _LISTED:
            heapq.heappop(heap)

    def pairs(self) -> list[Pair]:
        """Return them from the largest gain to the largest loss."""
        up = [pair for *_, pair in sorted(self._up, reverse=True)]
        return [*up, *(pair for *_, pair in sorted(self._down))]


@contextmanager
def _csv(options: dict[str, Any]) -> Iterator[Callable[[Pair], None]]:
    """Give what writes a pair into the CSV, where one is wanted."""
    path: Path | None = options["csv_file"]
    if path is None:
        yield lambda _: None
        return
    from app.files.write import no_formula, replacing
    from app.quality_report.compare.as_json import PAIR_COLUMNS, pair_cells

    shape: Callable[[Any], Any] = no_formula if options["spreadsheet"] else lambda cell: cell
    with replacing(path) as file:
        writer = csv.writer(file)
        writer.writerow(PAIR_COLUMNS)
        yield lambda pair: writer.writerow([shape(cell) for cell in pair_cells(pair)])


def _print(comparison: Comparison, biggest: _Biggest) -> None:
    change, joined = comparison.all, comparison.joined
    console = stdout()
    for said in comparison.warnings():
        console.print(f"warning: {printable(said)}", style="yellow")
    shares = change.shares if joined.one_gate else None
    rows: list[tuple[str, str, str, str]] = []
    if shares:
        moved = f"{100 * (shares[1] - shares[0]):+.1f} points"
        rows.append(("pass share", percent(shares[0]), percent(shares[1]), moved))
        rows.append(("better, worse", "", "", f"{shown(change.better)}, {shown(change.worse)}"))
    if change.scored:
        means = [each / change.scored for each in (change.scores_before, change.scores_after)]
        mean = change.mean_change or 0.0
        rows.append((f"mean {joined.metric}", f"{means[0]:.4f}", f"{means[1]:.4f}", f"{mean:+.4f}"))
    title = f"{shown(change.questions)} questions in both runs"
    print_table(title, ("figure", "before", "after", "change"), rows)
    for said in comparison.findings():
        console.print(printable(said))
    pairs = biggest.pairs()
    if pairs:
        print_table(
            "Largest changes",
            ("change", "verdict", "question"),
            (
                (
                    f"{pair.change:+.3f}",
                    pair.verdict if joined.one_gate else "-",
                    pair.row.question[:90],
                )
                for pair in pairs
            ),
        )
    for each in comparison.groups() if joined.one_gate else ():
        if each.p_value < 0.05:
            shares = each.change.shares
            if shares is not None:
                console.print(
                    f"{printable(each.dimension)}: {printable(each.value)}: {percent(shares[0])}"
                    f" -> {percent(shares[1])} (p = {each.p_value:.2g})"
                )
