"""The whole page of a calibration."""

from __future__ import annotations

from importlib import resources

from app import __version__
from app.calibration.calibrate import Calibration
from app.calibration.report.drawings import distributions, kind_words, pass_rates, roc
from app.calibration.report.sections import (
    kinds_table,
    languages_table,
    metrics_table,
    own_thresholds_table,
    part,
    quantiles_table,
    worst,
)
from app.calibration.statistics import Rate
from app.charts.markup import Html, tag
from app.charts.numbers import percent, percents, shown
from app.charts.page import page
from app.charts.tiles import tile, tiles
from app.core.statistics import Interval


def render(found: Calibration) -> str:
    """Return the calibration as an HTML page; texts of the pairs are shown as text."""
    style = resources.files(__package__).joinpath("style.css").read_text(encoding="utf-8")
    return page(
        f"Gate calibration: {_rule(found)}",
        style,
        _header(found),
        _tiles(found),
        _warnings(found),
        _separation(found),
        _figures(found),
        _guards(found),
        _pairs(found),
        _footer(found),
    )


def _rule(found: Calibration) -> str:
    return found.rule.replace(">=", "\u2265")


def _header(found: Calibration) -> Html:
    pairs = ", ".join(f"{shown(count)} {kind_words(kind)}" for kind, count in found.pairs.items())
    said = [
        f"{found.at:%Y-%m-%d %H:%M} UTC",
        f"answerloop {__version__}",
        f"scorer {found.scorer}",
        found.library,
        f"pairs of {found.sample.source}: {pairs}",
    ]
    return tag(
        "header",
        tag("p", "answerloop gate calibration", class_="kind"),
        tag("h1", _rule(found)),
        tag("p", *(tag("span", each) for each in said if each), class_="facts"),
    )


def _tiles(found: Calibration) -> Html:
    whole = found.recommended.whole
    tried = whole.tried
    area = None if whole.area is None else round(whole.area, 4)
    return tiles(
        tile("threshold", f"{found.threshold:g}", _spread(whole.threshold_interval)),
        tile("area under the ROC curve", area, _spread(whole.area_interval)),
        _rate_tile("good answers passed", tried.good if tried else None),
        _rate_tile(f"{kind_words(found.negative)} passed", tried.bad if tried else None),
    )


def _spread(interval: Interval | None) -> str:
    return "too few pairs" if interval is None else f"{interval.low:.3f} to {interval.high:.3f}"


def _rate_tile(name: str, rate: Rate | None) -> Html:
    if rate is None or rate.interval is None:
        return tile(name, None, "nothing held out")
    low, high = rate.interval
    return tile(name, percent(rate.share), f"held out; {percents(low, high)}")


def _warnings(found: Calibration) -> Html | None:
    if not found.warnings:
        return None
    return tag(
        "aside",
        tag("h3", "Mind"),
        tag("ul", *(tag("li", each) for each in found.warnings), class_="notes"),
        class_="mind",
    )


def _separation(found: Calibration) -> Html:
    return part(
        "How the scores part",
        f"{found.metric} of every pair. What lies right of the line passes.",
        distributions(found),
    )


def _figures(found: Calibration) -> Html:
    languages = languages_table(found)
    return part(
        "What each metric is worth",
        f"The threshold is the least at which {percent(found.rate)} of other "
        f"{kind_words(found.negative)} pairs are expected to pass. Held out: chosen on one half of "
        "the questions, tried on the other, and the reverse. Intervals are of 95 %.",
        metrics_table(found),
        tag("h3", f"{found.metric} by language, at {found.threshold:g}") if languages else None,
        languages,
        tag("h3", "By the languages' own thresholds, held out") if found.languages else None,
        own_thresholds_table(found),
        tag("h3", "ROC, the false passes on a logarithmic axis"),
        roc(found),
        tag("h3", "What passes at each threshold"),
        pass_rates(found),
        quantiles_table(found),
    )


def _guards(found: Calibration) -> Html:
    names = ", ".join(found.guards) or "none"
    return part(
        "What guards add",
        "A score can't see a changed number or a \u201cnot\u201d: such answers pass like good "
        f"ones, on the pairs that the threshold was chosen on. Guards in force: {names}.",
        kinds_table(found),
    )


def _pairs(found: Calibration) -> Html:
    bad = kind_words(found.negative)
    return part(
        "Pairs to look at",
        "Read these before you trust the figures: a wrong label shows here first.",
        worst("Good answers that fail", found.failing_good(), found, "None fails."),
        worst(f"{bad} pairs that pass".capitalize(), found.passing_bad(), found, "None passes."),
        worst(
            "Made wrong by rule, and noticed by nobody",
            found.unnoticed(),
            found,
            "Every one fails by score or by a guard.",
        ),
    )


def _footer(found: Calibration) -> Html:
    sample = found.sample
    said = (
        f"{shown(len(sample.known))} answers of {shown(sample.answers)}, {shown(sample.skipped)} "
        f"rows skipped, {shown(sample.bad_rows)} could not be read, {shown(len(found.failed))} "
        f"pairs without a score. Seed {found.seed}."
    )
    return tag(
        "footer",
        tag("p", said),
        tag(
            "p",
            "Unrelated: a good answer beside another question's reference. Negated, numbers "
            "changed: good answers made wrong by rule. ROC area: the chance that a good pair "
            "scores above one that must not pass.",
        ),
    )
