"""A calibration as JSON, and as the profile that `QUALITY_PROFILE` names."""

from __future__ import annotations

from typing import Any

import msgspec

from app import __version__
from app.calibration.calibrate import Calibration
from app.calibration.measure import QUANTILES, MetricFigures, Passing, Separation
from app.calibration.pairs import Kind
from app.calibration.statistics import Rate
from app.config.gate import Profile
from app.core.statistics import Interval

_DIGITS = 4


def as_json(found: Calibration) -> dict[str, Any]:
    """Return all figures; what could not be measured is null."""
    return {
        **about(found),
        "recommended": {
            "metric": str(found.metric),
            "threshold": found.threshold,
            "languages": found.languages,
        },
        "warnings": list(found.warnings),
        "metrics": {str(each.metric): _metric(each) for each in found.metrics},
    }


def profile_of(found: Calibration) -> Profile:
    """Return the recommended gate as a profile, with the figures that speak for it."""
    best = found.recommended
    measured = {
        "by": f"answerloop {__version__} gate calibrate",
        **about(found),
        **_separation(best.whole),
        "passing": _kinds(best.passing),
        "languages": {
            language: {**_separation(each), "passing": _kinds(best.passing_by_language[language])}
            for language, each in best.languages.items()
        },
    }
    for name in ("scorer", "library"):
        del measured[name]
    return Profile(
        found.scorer, found.metric, found.threshold, found.library, found.languages, measured
    )


def profile_text(profile: Profile) -> str:
    """Return a profile as the text of its file."""
    return msgspec.json.format(msgspec.json.encode(profile), indent=2).decode() + "\n"


def about(found: Calibration) -> dict[str, Any]:
    """Return what was measured, and how."""
    sample = found.sample
    return {
        "scorer": found.scorer,
        "library": found.library,
        "at": found.at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "source": sample.source,
        "labelled": sample.labelled,
        "seed": found.seed,
        "false_pass_rate": found.rate,
        "must_not_pass": str(found.negative),
        "pairs": {str(kind): count for kind, count in found.pairs.items()},
        "without_score": len(found.failed),
        "rows_skipped": sample.skipped,
        "bad_rows": sample.bad_rows,
        "guards": list(found.guards),
    }


def _metric(figures: MetricFigures) -> dict[str, Any]:
    return {
        **_separation(figures.whole),
        "quantiles": {
            str(kind): {
                f"{share:g}": round(value, _DIGITS)
                for share, value in zip(QUANTILES, values, strict=True)
            }
            for kind, values in figures.quantiles.items()
        },
        "passing": _kinds(figures.passing),
        "languages": {
            language: {
                **_separation(each),
                "passing": _kinds(figures.passing_by_language[language]),
            }
            for language, each in figures.languages.items()
        },
    }


def _separation(each: Separation) -> dict[str, Any]:
    tried = each.tried
    return {
        "roc_area": _number(each.area),
        "roc_area_interval": _interval(each.area_interval),
        "threshold": each.threshold,
        "threshold_interval": _interval(each.threshold_interval),
        "good_passed": _rate(each.good),
        "bad_passed": _rate(each.bad),
        "held_out": None
        if tried is None
        else {
            "thresholds": list(tried.thresholds),
            "good_passed": _rate(tried.good),
            "bad_passed": _rate(tried.bad),
        },
    }


def _kinds(passing: dict[Kind, Passing]) -> dict[str, Any]:
    return {
        str(kind): {
            "by_score": _rate(each.score),
            "objected_by_guards": _rate(each.objected),
            "by_score_and_guards": _rate(each.both),
        }
        for kind, each in passing.items()
    }


def _rate(rate: Rate | None) -> dict[str, Any] | None:
    if rate is None:
        return None
    return {
        "passed": rate.passed,
        "count": rate.count,
        "share": _number(rate.share),
        "interval": _interval(rate.interval),
    }


def _interval(interval: Interval | None) -> list[float] | None:
    return None if interval is None else [round(end, _DIGITS) for end in interval]


def _number(value: float | None) -> float | None:
    return None if value is None else round(value, _DIGITS)
