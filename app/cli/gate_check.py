"""`answerloop gate check`: the gate in force on pairs whose quality is known."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.cli.output import json_option, print_error, print_json, print_table
from app.cli.ranges import NumberRange
from app.errors import InputError
from app.logs import configure_logging
from app.loop import run as run_loop
from app.settings import Settings, load_settings

if TYPE_CHECKING:
    from app.calibration.check import GateCheck
    from app.calibration.pairs import Kind
    from app.calibration.statistics import Rate

_SEED = 1


@click.command(short_help="Try the gate in force on good and random pairs")
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option(
    "--max-random-pass",
    "gate_max_random_pass",
    type=NumberRange(0, 1),
    help="Share of random pairs that may pass.  [default: GATE_MAX_RANDOM_PASS]",
)
@click.option(
    "--max-good-fail",
    "gate_max_good_fail",
    type=NumberRange(0, 1),
    help="Share of good pairs that may fail.  [default: GATE_MAX_GOOD_FAIL]",
)
@click.option(
    "--fresh", is_flag=True, help="Score the built-in pairs anew, also where scores were kept."
)
@click.option(
    "--limit",
    type=click.IntRange(min=10),
    default=500,
    show_default=True,
    help="Draw so many answers of a larger FILE.",
)
@click.option(
    "--format", "file_format", metavar="FORMAT", help="csv or jsonl; default: by name and content."
)
@json_option
def check(
    file: Path | None,
    gate_max_random_pass: float | None,
    gate_max_good_fail: float | None,
    fresh: bool,
    limit: int,
    file_format: str | None,
    as_json: bool,
) -> None:
    """Score good and random pairs, and say what the gate in force does with them.

    FILE is as for `gate calibrate`; without it, 96 built-in pairs in English and Spanish, whose
    scores are kept in DATA_DIR and taken again for the same scorer. Exit code 1 when more random
    pairs pass, or more good ones fail, than may, or when the scorer gives a pair no score.

    \b
    answerloop gate check
    answerloop gate check --fresh
    answerloop gate check labelled.csv --max-good-fail 0.1
    """
    from app.calibration.check import mend
    from app.calibration.start import tolerance_of
    from app.config.gate import SHIPPED, read_profile, words_of_nameless

    settings = load_settings(
        gate_max_random_pass=gate_max_random_pass, gate_max_good_fail=gate_max_good_fail
    )
    configure_logging(settings.log_format, "warning")
    if file is not None and fresh:
        raise click.UsageError("--fresh is for the built-in pairs: those of a FILE are not kept")
    found, kept = run_loop(_check(settings, file, file_format, limit, fresh=fresh))
    findings = found.findings(tolerance_of(settings))
    if as_json:
        print_json(_as_json(found, findings, kept=kept))
    else:
        _print(found, settings)
    if kept:
        print_error("by scores kept from an earlier check (--fresh scores anew)")
    if nameless := words_of_nameless(settings, found.scorer):
        print_error(f"warning: {nameless}")
    if findings:
        for finding in findings:
            print_error(f"warning: {finding}")
        if found.misjudged(tolerance_of(settings)):
            print_error(mend(found.gate, read_profile(SHIPPED).scorer == found.scorer))
        raise SystemExit(1)


async def _check(
    settings: Settings, file: Path | None, file_format: str | None, limit: int, *, fresh: bool
) -> tuple[GateCheck, bool]:
    """Return the check, and whether it is by scores that were kept."""
    from app.calibration.check import built_in_check_pairs
    from app.calibration.kept import KeptScores, keep
    from app.calibration.pairs import Kind, pairs_of
    from app.calibration.start import check_kept, usable_kept
    from app.cli.gate_pairs import sample_of, score_with_bar
    from app.config.gate import gate_in_force
    from app.opening import Closer, open_scorer

    gate_in_force(settings)  # before the work, not after it
    if file is None:
        pairs = built_in_check_pairs()
    else:
        known = sample_of(file, file_format, limit, _SEED).known
        tried = (Kind.GOOD, Kind.BAD, Kind.UNRELATED)
        pairs = [pair for pair in pairs_of(known, _SEED) if pair.kind in tried]
        _refuse_nothing_to_try(file, {pair.kind for pair in pairs})
    closers: list[Closer] = []
    try:
        scorer = open_scorer(settings, closers)
        if file is None and not fresh:
            kept = await usable_kept(settings, scorer)
            if kept is not None:
                return check_kept(settings, kept), True
        scored, failed = await score_with_bar(scorer, pairs, ())
        if file is None and not failed:
            keep(settings, scorer, scored)
        found = KeptScores(scorer.name, scorer.library, scored, len(failed))
        return check_kept(settings, found), False
    finally:
        for closer in reversed(closers):
            await closer()


def _refuse_nothing_to_try(file: Path, kinds: set[Kind]) -> None:
    """Raise InputError without good or without random pairs: of nothing, nothing goes wrong."""
    from app.calibration.pairs import Kind

    for kind, name in ((Kind.GOOD, "good"), (Kind.UNRELATED, "random")):
        if kind not in kinds:
            raise InputError(
                f"{file}: no {name} pair comes of it, so nothing can be said of the gate. It needs "
                "good answers to several questions of one language",
                field="file",
            )


def _print(found: GateCheck, settings: Settings) -> None:
    rows = []
    for name, rates in [("all", (found.random, found.good)), *found.by_language.items()]:
        for kind, rate in zip(("random", "good"), rates, strict=True):
            rows.append(
                (kind, name, *_shown(rate, passing=kind == "random"), _limit(kind, settings))
            )
    if found.bad.count:
        rows.append(("labelled bad", "all", *_shown(found.bad, passing=True), "-"))
    from app.calibration.check import gate_words

    title = f"{gate_words(found.gate)}, scorer {found.scorer}"
    columns = ("pairs", "language", "wrong", "of", "share", "95 % interval", "at most")
    print_table(title, columns, rows)


def _limit(kind: str, settings: Settings) -> str:
    from app.charts.numbers import percent

    random, good = settings.gate_max_random_pass, settings.gate_max_good_fail
    return percent(random if kind == "random" else good)


def _shown(rate: Rate, *, passing: bool) -> tuple[str, str, str, str]:
    """Return how many are on the wrong side: bad ones that pass, good ones that fail."""
    from app.charts.numbers import percent, percents
    from app.core.statistics import wilson

    wrong = rate.passed if passing else rate.count - rate.passed
    if not rate.count:
        return "0", "0", "-", "-"
    low, high = wilson(wrong, rate.count)
    said = "passed" if passing else "failed"
    return (
        f"{wrong} {said}",
        str(rate.count),
        percent(wrong / rate.count),
        percents(low, high),
    )


def _as_json(found: GateCheck, findings: list[str], *, kept: bool) -> dict[str, Any]:
    def share(rate: Rate) -> dict[str, Any]:
        """Return what passes, with the 95 % interval of the share."""
        return {
            "passed": rate.passed,
            "count": rate.count,
            "share": rate.share,
            "interval": None if rate.interval is None else list(rate.interval),
        }

    return {
        "gate": {
            "metric": str(found.gate.metric),
            "threshold": found.gate.threshold,
            "languages": dict(found.gate.languages),
            "source": found.gate.source,
        },
        "scorer": found.scorer,
        "random": share(found.random),
        "good": share(found.good),
        "bad": share(found.bad),
        "failed": found.failed,
        "languages": {
            name: {"random": share(random), "good": share(good)}
            for name, (random, good) in found.by_language.items()
        },
        "kept": kept,
        "findings": findings,
        "fine": not findings,
    }
