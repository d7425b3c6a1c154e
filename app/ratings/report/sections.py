"""The sections of the page: distribution, what became of the events, coverage, top movies."""

from __future__ import annotations

from collections.abc import Sequence

from app.charts.columns import Column, draw_columns
from app.charts.markup import Html, join, tag
from app.charts.numbers import duration, moment, percent, shown
from app.charts.panels import NARROW, WIDE, key
from app.charts.sections import both, number_cell, plain_table, section
from app.charts.shares import Curve, draw_shares
from app.core.ratings.changes import MovieTotal
from app.ratings.report.figures import RatingFigures, by_rating, mean_of
from app.ratings.report.workers import WorkerFigures

#: Share of the movies whose places are told.
_TOP = 0.01


def distribution_section(figures: RatingFigures) -> Html:
    columns = [Column(*each) for each in by_rating(figures.stats.totals).items()]
    about = ", ".join(f"{column.name}: {shown(column.count)}" for column in columns)
    drawn = None
    if figures.current:
        sizes = ((WIDE, 190.0), (NARROW, 150.0))
        drawn = both(*(draw_columns(columns, *size, about, "stars") for size in sizes))
    return section(
        "Distribution",
        f"The {shown(figures.current)} ratings that stand, by stars.",
        drawn,
        empty="No rating stands yet: answerloop ratings produce writes some.",
    )


def fate_section(figures: RatingFigures) -> Html:
    """Show what became of the events: four ways as one bar, and the rules as a table."""
    totals = figures.stats.totals
    ways = {
        "valid": totals.valid,
        "duplicate": totals.duplicate,
        "stale": totals.stale,
        "rejected": figures.rejected,
    }
    return section(
        "What became of the events",
        f"{shown(figures.events)} events, each of them in one of four.",
        _fate(ways, figures.events) if figures.events else None,
        _rules(totals.rejected, figures.events),
        empty="No event was read yet.",
    )


def _fate(ways: dict[str, int], events: int) -> Html:
    keys = [
        tag(
            "span",
            tag("i", class_=f"key {name}"),
            f"{name} ",
            tag("b", count),
            f" ({percent(count / events)})",
        )
        for name, count in ways.items()
    ]
    widths = {name: max(3.0, WIDE * count / events) for name, count in ways.items() if count}
    widths[max(widths, key=lambda name: widths[name])] -= sum(widths.values()) - WIDE
    parts = []
    at = 0.0
    for name, wide in widths.items():
        count = ways[name]
        place = {"x": f"{at:g}", "y": "0", "width": f"{wide:g}", "height": "22"}
        said = tag("title", f"{name}: {shown(count)}")
        parts.append(tag("rect", said, attributes=place, class_=f"part-{name}"))
        at += wide
    bar = tag(
        "svg",
        *parts,
        attributes={"viewBox": f"0 0 {WIDE:g} 22", "role": "img", "preserveAspectRatio": "none"},
        class_="fate",
    )
    return tag("figure", tag("figcaption", *keys, class_="legend"), bar)


def _rules(rejected: dict[str, int], events: int) -> Html | None:
    """Return the rules that events broke, most often broken first."""
    if not rejected:
        return None
    most = max(rejected.values())
    ordered = sorted(rejected.items(), key=lambda each: (-each[1], each[0]))
    rows = [
        (
            tag("th", tag("code", rule), scope="row"),
            _bar(count, most, "rejected"),
            number_cell(shown(count)),
            number_cell(percent(count / events) if events else ""),
        )
        for rule, count in ordered
    ]
    return join(
        tag("h3", "Rejected, by the rule they break"),
        plain_table(("rule", "", "events", "share"), rows, "rules"),
    )


def coverage_section(figures: RatingFigures) -> Html:
    coverage = figures.coverage
    if not coverage.places:
        return section("Catalogue coverage", "", empty="Nobody has a stored recommendation yet.")
    top, gini = coverage.top_share(_TOP), coverage.gini
    said = (
        f"{shown(coverage.recommended)} of {shown(coverage.movies)} movies"
        f" ({percent(coverage.share)}) stand in some recommendation. The most recommended"
        f" {percent(_TOP)} of the movies take {percent(top)} of the places; Gini"
        f" {shown(None if gini is None else round(gini, 3))} (0: all equally often)."
    )
    names = ("most recommended movies, logarithmic", "Share of the places they take")
    about = f"Share of all places over movies, the most recommended first: Gini {shown(gini)}"
    curves = (
        Curve("equal", coverage.equal_curve),
        Curve("coverage", coverage.curve, filled=True),
    )
    drawn = [
        draw_shares(curves, coverage.movies, (width, 270.0), about, names)
        for width in (WIDE, NARROW)
    ]
    keys = (key("coverage", "as it is"), key("equal", "if all were recommended equally often"))
    return section("Catalogue coverage", said, both(*drawn, *keys), empty="")


def movies_section(figures: RatingFigures) -> Html:
    rows = []
    most = max((movie.ratings for movie in figures.popular), default=1)
    for place, movie in enumerate(figures.popular, 1):
        rows.append(_movie(place, movie, most, figures.exposure.get(movie.movie_id, 0)))
    heads = ("#", "movie", "", "ratings", "mean", "recommended to", "last rated")
    return section(
        "Most rated movies",
        f"The {shown(len(rows))} with the most ratings that stand.",
        plain_table(heads, rows, "movies") if rows else None,
        empty="No movie has a rating yet.",
    )


def _movie(place: int, movie: MovieTotal, most: int, recommended: int) -> tuple[Html, ...]:
    mean = mean_of(movie)
    return (
        number_cell(shown(place)),
        tag("th", str(movie.movie_id), scope="row"),
        _bar(movie.ratings, most, "valid"),
        number_cell(shown(movie.ratings)),
        number_cell("\N{EN DASH}" if mean is None else f"{mean:.2f}"),
        number_cell(shown(recommended)),
        number_cell(moment(movie.last_timestamp / 1000)),
    )


def workers_table(workers: Sequence[WorkerFigures]) -> Html | None:
    """Return a row for each worker, folded when they are many."""
    if not workers:
        return None
    rows = [
        (
            tag("th", worker.worker, scope="row"),
            number_cell(shown(worker.events)),
            number_cell(shown(round(worker.per_second))),
            number_cell(duration(worker.latency_p50)),
            number_cell(duration(worker.latency_p99)),
            number_cell(shown(worker.lag)),
            tag("td", worker.model),
            number_cell(moment(worker.last_at)),
        )
        for worker in workers
    ]
    heads = (
        "worker",
        "events",
        "a second",
        "median p50",
        "worst p99",
        "lag",
        "model",
        "last heard",
    )
    many = f"{shown(len(workers))} workers" if len(workers) > 1 else "1 worker"
    table = tag("div", plain_table(heads, rows, "workers"), class_="scroll")
    return tag("details", tag("summary", many), table, open="" if len(rows) <= 6 else None)


def _bar(count: int, most: int, style: str) -> Html:
    """Return a cell with a bar, `most` being its whole width."""
    width = f"{100 * count / most if most else 0:.1f}"
    shape = {"x": "0", "y": "0", "width": width, "height": "10"}
    bar = tag("rect", attributes=shape, class_=f"part-{style}")
    view = {"viewBox": "0 0 100 10", "preserveAspectRatio": "none", "aria-hidden": "true"}
    return tag("td", tag("svg", bar, attributes=view, class_="bar"), class_="bar")
