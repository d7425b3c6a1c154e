"""The whole page of the ratings report."""

from __future__ import annotations

from importlib import resources

from app import __version__
from app.charts.markup import Html, tag
from app.charts.numbers import compact, moment, percent, shown
from app.charts.page import page
from app.charts.sections import section
from app.charts.tiles import tile, tiles
from app.ratings.report.course import draw_course
from app.ratings.report.figures import RatingFigures
from app.ratings.report.sections import (
    coverage_section,
    distribution_section,
    fate_section,
    movies_section,
    workers_table,
)
from app.ratings.report.workers import workers_of

#: Beyond so many workers a list of their names says less than their number.
_FEW = 3


def render(figures: RatingFigures) -> str:
    """Return the report as an HTML page; texts in the figures are shown as text."""
    style = resources.files(__package__).joinpath("style.css").read_text(encoding="utf-8")
    return page(
        f"Ratings report: {_headline(figures)}",
        style,
        _header(figures),
        _tiles(figures),
        distribution_section(figures),
        fate_section(figures),
        _course(figures),
        coverage_section(figures),
        movies_section(figures),
        _footer(figures),
    )


def _headline(figures: RatingFigures) -> str:
    totals, movies = figures.stats.totals, figures.stats.movies
    if not figures.events:
        return "No rating has arrived yet"
    said = f"{_many(figures.current, 'rating')} of {_many(movies, 'movie')}"
    return f"{said} by {_many(totals.users, 'user')}"


def _many(count: int, name: str) -> str:
    return f"{shown(count)} {name}{'' if count == 1 else 's'}"


def _header(figures: RatingFigures) -> Html:
    workers = workers_of(figures.metrics)
    models = sorted({worker.model for worker in workers})
    said = [moment(figures.taken_at), f"answerloop {__version__}"]
    if workers:
        said.append(_many(len(workers), "worker"))
    if models:
        said.append(
            f"model {', '.join(models[:_FEW])}{' and others' if len(models) > _FEW else ''}"
        )
    return tag(
        "header",
        tag("p", "answerloop ratings report", class_="kind"),
        tag("h1", _headline(figures)),
        tag("p", *(tag("span", each) for each in said), class_="facts"),
    )


def _tiles(figures: RatingFigures) -> Html:
    totals, coverage = figures.stats.totals, figures.coverage
    events, rejected = figures.events, figures.rejected
    refused = percent(rejected / events) if events else None
    mean, rmse = figures.stats.mean, figures.rmse
    lag = None if figures.lag is None else sum(figures.lag.values())
    return tiles(
        tile("events read", events, f"{shown(totals.valid)} valid"),
        tile("rejected", rejected, f"{refused} of the events" if refused else "no events"),
        tile("users", totals.users, _each(figures.current, totals.users)),
        tile("movies", figures.stats.movies, _each(figures.current, figures.stats.movies)),
        tile("mean rating", None if mean is None else round(mean, 2), "of 0.5 to 5 stars"),
        tile(
            "RMSE",
            None if rmse is None else round(rmse, 4),
            f"stars, {compact(totals.predicted)} predictions",
        ),
        tile(
            "catalogue recommended",
            percent(coverage.share),
            f"to {_many(figures.users_recommended, 'user')}",
        ),
        tile("not yet read", lag, "events behind the log's end"),
    )


def _each(ratings: int, count: int) -> str:
    return f"{shown(round(ratings / count, 1))} ratings each" if count else "no ratings"


def _course(figures: RatingFigures) -> Html:
    unreadable = figures.unreadable
    return section(
        "Course of the stream",
        "As the workers say on the topic metrics.",
        draw_course(figures.metrics),
        workers_table(workers_of(figures.metrics)),
        tag("p", f"{_many(unreadable, 'message')} could not be read.", class_="bad")
        if unreadable
        else None,
        empty="No worker has said anything yet: they do so every few seconds.",
    )


def _footer(figures: RatingFigures) -> Html:
    totals = figures.stats.totals
    said = (
        f"Times of their own: {shown(totals.out_of_order)} valid ratings came out of order, "
        f"{shown(totals.late)} too late for their window, {shown(totals.future)} from the future."
    )
    return tag(
        "footer",
        tag("p", said),
        tag(
            "p",
            "Ratings: the newest of each user and movie. Duplicate: the same user, movie and time"
            " again. Stale: older than the rating that is known. RMSE: of what was predicted for a"
            " rating before it was learnt.",
        ),
    )
