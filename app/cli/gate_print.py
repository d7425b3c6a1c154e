"""A calibration on the terminal: distributions, what each metric is worth, and what to mind."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from app.calibration.calibrate import Calibration
from app.calibration.measure import QUANTILES, MetricFigures, Passing, Separation
from app.calibration.pairs import Kind
from app.calibration.statistics import Rate
from app.charts.numbers import percent, percents
from app.cli.output import printable, stdout
from app.core.statistics import Interval

_BINS = 40
_BLOCKS = " \u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588"
_SHOWN = (0.05, 0.5, 0.95)


def print_calibration(found: Calibration) -> None:
    """Print all figures for people."""
    console = stdout()
    pairs = ", ".join(f"{count} {kind_name(kind)}" for kind, count in found.pairs.items())
    console.print(f"scorer {printable(found.scorer)} ({printable(found.library)})")
    console.print(f"pairs  {pairs}, of {printable(found.sample.source)}")
    for figures in found.metrics:
        _print_distributions(console, found, figures)
    _print_metrics(console, found)
    _print_languages(console, found)
    _print_own_thresholds(console, found)
    _print_kinds(console, found)
    for warning in found.warnings:
        console.print(f"[yellow]mind:[/yellow] {printable(warning)}")
    console.print(f"[bold]recommended: {found.rule}[/bold]")


def kind_name(kind: Kind) -> str:
    """Return `numbers changed`."""
    return str(kind).replace("_", " ")


def sparkline(values: Sequence[float], bins: int = _BINS) -> str:
    """Return a histogram from 0 to 1 in one line; what is outside goes into the end bins."""
    counts = [0] * bins
    for value in values:
        counts[min(bins - 1, max(0, int(value * bins)))] += 1
    most = max(counts)
    steps = len(_BLOCKS) - 1
    return "".join(_BLOCKS[-(-count * steps // most)] if most else " " for count in counts)


def rate_shown(rate: Rate | None) -> str:
    """Return `97.9 % (92.7 to 99.4 %)`: the share and Wilson's interval."""
    if rate is None or rate.share is None or rate.interval is None:
        return "-"
    return f"{percent(rate.share)} ({percents(*rate.interval)})"


def interval_shown(value: float | None, interval: Interval | None) -> str:
    """Return `0.525 (0.461 to 0.530)`."""
    if value is None:
        return "-"
    spread = "" if interval is None else f" ({interval.low:.3f} to {interval.high:.3f})"
    return f"{value:.3f}{spread}"


def _print_distributions(console: Console, found: Calibration, figures: MetricFigures) -> None:
    table = _table(f"{figures.metric}: distribution of the scores, 0 to 1")
    table.add_column("pairs")
    table.add_column(_marker(figures.whole.threshold), no_wrap=True)
    for share in _SHOWN:
        table.add_column(percent(share), justify="right")
    for kind, values in figures.quantiles.items():
        of_kind = [e.value(figures.metric) for e in found.scored if e.pair.kind is kind]
        shown = [f"{values[QUANTILES.index(share)]:.2f}" for share in _SHOWN]
        table.add_row(kind_name(kind), sparkline(of_kind), *shown)
    console.print(table)


def _marker(threshold: float | None) -> str:
    """Return a line as wide as a histogram with a mark where the threshold is."""
    if threshold is None:
        return ""
    at = min(_BINS - 1, int(threshold * _BINS))
    text = f" {threshold:g}"
    line = " " * at + "\u2193" + (text if at + len(text) < _BINS else "")
    return line.ljust(_BINS)


def _print_metrics(console: Console, found: Calibration) -> None:
    bad = kind_name(found.negative)
    table = _table(
        f"At a false-pass rate of {percent(found.rate)}; held out: on the half it was not chosen on"
    )
    for name in ("metric", "ROC area", "threshold", "good pass, held out", f"{bad} pass, held out"):
        table.add_column(name)
    for figures in found.metrics:
        best = figures is found.recommended
        cells = [str(figures.metric), *_separation_cells(figures.whole)]
        table.add_row(*cells, style="bold" if best else None)
    console.print(table)


def _separation_cells(each: Separation) -> tuple[str, ...]:
    tried = each.tried
    return (
        interval_shown(each.area, each.area_interval),
        interval_shown(each.threshold, each.threshold_interval),
        rate_shown(tried.good if tried else None),
        rate_shown(tried.bad if tried else None),
    )


def _print_languages(console: Console, found: Calibration) -> None:
    best = found.recommended
    if not best.languages:
        return
    table = _table(f"{best.metric} by language: a threshold of its own, and the common one")
    bad = kind_name(found.negative)
    for name in ("language", "pairs", "ROC area", "own threshold"):
        table.add_column(name)
    table.add_column(f"good >= {found.threshold:g}")
    table.add_column(f"{bad} >= {found.threshold:g}")
    for language, each in best.languages.items():
        passing = best.passing_by_language[language]
        table.add_row(
            printable(language),
            f"{each.good_pairs} + {each.bad_pairs}",
            *_separation_cells(each)[:2],
            *(rate_shown(_score(passing.get(kind))) for kind in (Kind.GOOD, found.negative)),
        )
    console.print(table)


def _print_own_thresholds(console: Console, found: Calibration) -> None:
    if not found.languages:
        return
    table = _table(f"{found.metric} by the languages' own thresholds, held out")
    bad = kind_name(found.negative)
    for name in ("language", "threshold", "good pass", f"{bad} pass"):
        table.add_column(name)
    for code in found.languages:
        table.add_row(code, *_separation_cells(found.recommended.languages[code])[1:])
    console.print(table)


def _score(passing: Passing | None) -> Rate | None:
    return None if passing is None else passing.score


def _print_kinds(console: Console, found: Calibration) -> None:
    table = _table(
        f"What {found.metric} >= {found.threshold:g} passes (on the pairs it was chosen on), "
        "and what guards add"
    )
    for name in ("pairs", "count", "pass by score", "a guard objects", "pass both"):
        table.add_column(name)
    for kind, each in found.recommended.passing.items():
        rates = (each.score, each.objected, each.both)
        table.add_row(kind_name(kind), str(each.score.count), *map(rate_shown, rates))
    console.print(table)


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", title_style="bold", header_style="")
