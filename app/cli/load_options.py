"""Options of `load` as a plan. What does not go together is a usage error that names the option."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

import click

from app.cli.output import stderr
from app.load.arrivals import Piece, bursts, constant, due_times, ramp, steps, until
from app.load.generator import Traffic
from app.load.lengths import read_lengths
from app.load.plan import Limits, Plan, new_run
from app.load.questions import Questions, Source, from_file, synthetic
from app.load.ratings import Ratings
from app.load.texts import LANGUAGES
from app.samples import samples_path
from app.settings import Settings

RATE, DURATION, WORDS = 5.0, 60.0, "lognormal:12,0.6"
_BURST = re.compile(r"(\d+(?:\.\d+)?)/(\d+(?:\.\d+)?)")
#: Option -> the arrivals it goes with.
_OF_ARRIVALS = {
    "from_rate": ("ramp",),
    "burst": ("bursts",),
    "steps": ("steps",),
    "spacing": ("ramp", "bursts", "steps"),
}
_OF_QUESTIONS = ("repeats", "zipf", "references", "words", "language", "format_")


def read_limits(options: dict[str, Any]) -> Limits:
    return Limits(options["fail_p99"], options["fail_settled_p99"], options["fail_errors"])


def read_plan(options: dict[str, Any], settings: Settings) -> Plan:
    """Return the plan, without addresses. Raises usage errors, InputError."""
    _refuse_combinations(options)
    run = new_run()
    arrivals, seconds = _arrivals(options)
    traffic, described = _traffic(options, settings, run)
    token = settings.api_token.get_secret_value() if settings.api_token else None
    return Plan(
        run=run,
        urls=(),
        traffic=traffic,
        times=arrivals,
        described={**_described(options, seconds), **described},
        expected_seconds=seconds,
        expected_count=options["count"],
        token=token,
        most_in_flight=options["in_flight"],
        timeout_seconds=options["timeout"],
        follow=not (options["no_follow"] or options["ratings"]),
        drain_seconds=options["drain"],
    )


def _arrivals(options: dict[str, Any]) -> tuple[Callable[[], Iterator[float]], float | None]:
    """Return what gives the times, and how many seconds they go on at most."""
    rate = RATE if options["rate"] is None else options["rate"]
    seconds: float | None = options["duration"]
    if seconds is None and options["arrivals"] == "steps":
        seconds = sum(piece.seconds for piece in steps(options["steps"]))
    elif seconds is None and (options["count"] is None or options["arrivals"] == "ramp"):
        seconds = DURATION

    def pieces() -> Sequence[Piece] | Iterator[Piece]:
        match options["arrivals"]:
            case "ramp":
                return ramp(options["from_rate"] or 0.0, rate, seconds or DURATION)
            case "bursts":
                return bursts(rate, *_burst(options["burst"]))
            case "steps":
                return steps(options["steps"])
            case _:
                return constant(rate)

    at_random = "poisson" in (options["arrivals"], options["spacing"])

    def times() -> Iterator[float]:
        draw = Random(f"{options['seed']}:arrivals") if at_random else None
        return until(due_times(pieces(), draw), seconds, options["count"])

    pieces()  # a burst or a step that is wrong is said now
    return times, seconds


def _burst(text: str | None) -> tuple[float, float]:
    found = _BURST.fullmatch(text or "5/5")
    on, off = map(float, found.groups()) if found else (0.0, 0.0)
    if on <= 0:
        raise click.BadParameter(
            f"{text!r}: write seconds on and off, as in 5/20", param_hint="--burst"
        )
    return on, off


def _traffic(
    options: dict[str, Any], settings: Settings, run: str
) -> tuple[Traffic, dict[str, Any]]:
    """Return what is sent, and how it is described."""
    seed = options["seed"]
    if options["ratings"]:
        batch = options["batch"] or 1
        most = settings.rating_max_user_id, settings.rating_max_movie_id
        stderr().print(
            "These ratings count: statistics and recommendations hold them for good.",
            style="yellow",
        )
        return Ratings(seed, int(time.time() * 1000), *most, batch), {"batch": batch}
    shares: dict[str, float] = {
        "repeats": options["repeats"] or 0.0,
        "zipf": 1.0 if options["zipf"] is None else options["zipf"],
        "references": 1.0 if options["references"] is None else options["references"],
    }
    source, described = _source(options)
    traffic = Questions(run, source, seed, shares["repeats"], shares["zipf"], shares["references"])
    return traffic, {**described, **shares}


def _source(options: dict[str, Any]) -> tuple[Source, dict[str, Any]]:
    name = options["questions"]
    if name == "synthetic":
        words, language = options["words"] or WORDS, options["language"] or "both"
        languages = LANGUAGES if language == "both" else (language,)
        described = {"questions": name, "words": words, "language": language}
        return synthetic(read_lengths(words), languages), described
    path = samples_path() if name == "samples" else Path(name)
    source, good, bad = from_file(path, options["format_"])
    if bad:
        stderr().print(f"{bad} rows of {path} can't be asked: left out", style="yellow")
    return source, {"questions": name if name == "samples" else path.name, "rows": good}


def _described(options: dict[str, Any], seconds: float | None) -> dict[str, Any]:
    """Return the options that say when requests go, by name; those that were not given aside."""
    rate = RATE if options["rate"] is None else options["rate"]
    found = {
        "traffic": "ratings" if options["ratings"] else "questions",
        "arrivals": options["arrivals"],
        "rate": None if options["arrivals"] == "steps" else rate,
        "from_rate": options["from_rate"],
        "burst": options["burst"],
        "steps": options["steps"],
        "spacing": options["spacing"],
        "duration": seconds,
        "count": options["count"],
        "seed": options["seed"],
        "in_flight": options["in_flight"],
        "timeout": options["timeout"],
        "drain": options["drain"],
    }
    return {name: value for name, value in found.items() if value is not None}


def _refuse_combinations(options: dict[str, Any]) -> None:
    """Raise a usage error for options that say nothing together."""
    arrivals, questions = options["arrivals"], options["questions"]
    for name, fitting in _OF_ARRIVALS.items():
        _refuse(
            options[name] is not None and arrivals not in fitting,
            f"--{_option(name)} goes with --arrivals {' or '.join(fitting)}",
        )
    stepped = arrivals == "steps"
    _refuse(
        stepped and options["steps"] is None, "--arrivals steps needs --steps, as in 5x30,10x30"
    )
    _refuse(
        stepped and options["rate"] is not None,
        "--rate does not go with --arrivals steps, which have their own",
    )
    for name in _OF_QUESTIONS if options["ratings"] else ():
        _refuse(options[name] is not None, f"--{_option(name)} does not go with --ratings")
    _refuse(options["ratings"] and questions != "samples", "--questions does not go with --ratings")
    _refuse(options["batch"] is not None and not options["ratings"], "--batch goes with --ratings")
    _refuse(
        options["fail_settled_p99"] is not None and (options["no_follow"] or options["ratings"]),
        "--fail-settled-p99 needs questions that are followed: no --no-follow, no --ratings",
    )
    for name in ("words", "language"):
        _refuse(
            options[name] is not None and questions != "synthetic",
            f"--{name} goes with --questions synthetic",
        )
    _refuse(options["zipf"] is not None and not options["repeats"], "--zipf goes with --repeats")


def _refuse(wrong: bool, message: str) -> None:
    if wrong:
        raise click.UsageError(message)


def _option(name: str) -> str:
    return name.rstrip("_").replace("_", "-")
