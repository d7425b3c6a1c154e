"""The whole page of a quality report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

from app import __version__
from app.charts.markup import Html, tag
from app.charts.numbers import THIN, compact, duration, moment, percent, shown
from app.charts.page import page
from app.charts.sections import section
from app.charts.tiles import tile, tiles
from app.core.costs import total
from app.core.lifecycle import Status
from app.files.write import replacing
from app.quality_report.builder import Report
from app.quality_report.figures import Figures
from app.quality_report.group_sections import groups_section, weak_section
from app.quality_report.groups import shown_dimension
from app.quality_report.prices import Price, cost
from app.quality_report.report_rows import columns
from app.quality_report.rows import Basis
from app.quality_report.score_sections import (
    causes_section,
    generations_section,
    metric_name,
    scores_section,
)
from app.quality_report.table import MOST_ROWS, script, table
from app.quality_report.time_sections import costs_section, money, time_section
from app.quality_report.words import between, many, score


@dataclass(frozen=True, slots=True)
class About:
    """What the figures are of. `source` and `filters` are said as they are."""

    taken_at: float
    source: str
    filters: Sequence[str] = ()
    files: Sequence[str] = ()
    """Files beside the page that hold every question."""
    prices: Mapping[str | None, Price] = field(default_factory=dict)


def render(report: Report, about: About) -> str:
    """Return the report as an HTML page; texts of questions and answers are shown as text."""
    figures = report.figures
    style = resources.files(__package__).joinpath("style.css").read_text(encoding="utf-8")
    return page(
        f"Quality report: {headline(figures)}",
        style,
        _header(figures, about),
        _notes(warnings(figures)),
        _tiles(figures, about),
        scores_section(figures),
        generations_section(figures),
        weak_section(figures),
        groups_section(figures),
        causes_section(figures),
        time_section(figures),
        costs_section(figures, about.prices),
        _questions(report, about),
        _footer(),
        script=script(),
    )


def write_page(report: Report, about: About, path: Path) -> None:
    """Write the page, whole or not at all. Raises InputError."""
    with replacing(path) as file:
        file.write(render(report, about))


def headline(figures: Figures) -> str:
    validated, could = figures.validated_of
    if not figures.questions:
        return "No question fits"
    if not could:
        return f"{many(figures.questions, 'question')}, none with a reference"
    return f"{shown(validated)} of {many(could, 'question')} validated"


def warnings(figures: Figures) -> list[str]:
    """Return what one must know before reading the figures."""
    said = []
    if len({basis.scorer for basis in figures.bases}) > 1:
        said.append("Scores of several scorers are mixed here: they are not comparable.")
    elif len(figures.bases) > 1:
        said.append(
            "Metrics or thresholds differ between questions: by language, or the gate was changed."
        )
    if figures.bases and figures.basis.metric is None:
        said.append("These rows do not tell which metric the threshold was for: F1 is shown.")
    if figures.unfinished:
        said.append(f"{many(figures.unfinished, 'question')} had not ended when this was read.")
    return said


def _header(figures: Figures, about: About) -> Html:
    said = [f"{moment(about.taken_at)}", about.source, *about.filters]
    if figures.bases:
        said.append(gate_words(figures.basis))
    said.append(f"answerloop {__version__}")
    return tag(
        "header",
        tag("p", "answerloop quality report", class_="kind"),
        tag("h1", headline(figures)),
        tag("p", *(tag("span", each) for each in said), class_="facts"),
    )


def gate_words(basis: Basis) -> str:
    gate = f"gate {basis.metric or 'score'}"
    if basis.threshold is not None:
        gate += f" \N{GREATER-THAN OR EQUAL TO} {basis.threshold:g}"
    return f"{gate}, scorer {basis.scorer}" if basis.scorer else gate


def _notes(said: Sequence[str]) -> Html | None:
    return tag("ul", *(tag("li", each) for each in said), class_="warnings") if said else None


def _tiles(figures: Figures, about: About) -> Html:
    costs = total(figures.costs)
    price = cost(figures.costs, about.prices)
    mean = figures.all.mean_score
    tokens = f"written, {compact(costs.prompt_tokens)} read" if figures.prompts_known else "written"
    repeated = f", {shown(costs.repeated)} of them again" if costs.repeated else ""
    return tiles(
        tile("questions", figures.questions, _passed_words(figures)),
        _state(figures, Status.VALIDATED, "good"),
        _state(figures, Status.LOW_QUALITY, None),
        _state(figures, Status.DEAD, "bad" if figures.counts[Status.DEAD] else None),
        _state(figures, Status.UNSCORED, None),
        tile("mean score", score(mean), f"{metric_name(figures)} of {shown(figures.all.scored)}"),
        tile("model calls", costs.calls or figures.calls, _each(figures) + repeated),
        tile("tokens", compact(costs.tokens) if costs.calls else None, tokens),
        tile("cost", money(price), _cost_words(figures, price)),
        tile("wall time", duration(figures.wall_seconds), "first arrival to last end"),
    )


def _passed_words(figures: Figures) -> str:
    share = figures.all.pass_share
    return "none judged" if share is None else f"{percent(share)} of those judged pass"


def _state(figures: Figures, status: Status, grade: str | None) -> Html:
    found = figures.share(status)
    note = "no questions" if found is None else f"{percent(found[0])} ({between(found[1])})"
    return tile(str(status).replace("_", " "), figures.counts[status], note, grade)


def _each(figures: Figures) -> str:
    if not figures.questions:
        return "none"
    return f"{shown(round(figures.calls / figures.questions, 2))} a question"


def _cost_words(figures: Figures, price: float | None) -> str:
    if price is None:
        return "no price was given"
    return "at the prices given" if figures.prompts_known else "of the tokens written alone"


def _questions(report: Report, about: About) -> Html:
    rows = report.chosen.rows(urgent_first=True)
    seen = report.chosen.seen
    dimensions = {name: shown_dimension(name) for name, _ in report.figures.groups.dimensions()}
    where = f"All are in {', '.join(about.files)}." if about.files else "--csv or --jsonl has all."
    note = (
        f"{shown(len(rows))} of {many(seen, 'question')}: those that did not pass first, then the"
        f" lowest scores. A page holds {shown(MOST_ROWS)} rows at most. {where}"
    )
    return section(
        "Questions",
        "",
        table(
            columns(metric_name(report.figures)),
            rows,
            dimensions,
            note if seen > len(rows) else None,
        )
        if rows
        else None,
        empty="No question fits: look at the filters.",
        name="questions",
    )


def _footer() -> Html:
    said = (
        "Validated: the answer passed the gate. Low quality: no attempt did, the best one is kept."
        " Unscored: there was no reference answer. Dead: given up, for an outside cause."
        " Validated means close to the reference, not true.",
        f"Intervals are of 95{THIN}%: Wilson's for shares. Languages are guessed from question and"
        " reference; lengths are in characters.",
    )
    return tag("footer", *(tag("p", each) for each in said))
