"""`answerloop chaos list|run`: break things on purpose, and look what is left of the promises."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.cli.output import json_option, print_json, print_table, stderr
from app.cli.ranges import NumberRange
from app.errors import InputError, NotFoundError

if TYPE_CHECKING:
    from app.chaos.scenario import Options, Scenario


@click.group(short_help="Break things on purpose, and audit what came of it")
def chaos() -> None:
    """Start workers, broker and stores, break them, and count what was lost or done twice.

    \b
    answerloop chaos list
    answerloop chaos run --scenario kill-workers --report report.html
    """


@chaos.command("list", short_help="The scenarios: what each breaks")
@json_option
def list_(as_json: bool) -> None:
    """List the scenarios: what each breaks, and which promise it tries.

    \b
    answerloop chaos list --json
    """
    from app.chaos.scenarios import SCENARIOS

    rows = [(each.name, each.about, each.promise) for each in SCENARIOS.values()]
    if as_json:
        print_json([dict(zip(("scenario", "about", "promise"), row, strict=True)) for row in rows])
        return
    print_table(None, ("scenario", "breaks", "promise"), rows)


@chaos.command(short_help="Run scenarios on servers of its own, and audit each")
@click.option(
    "--scenario",
    "names",
    multiple=True,
    metavar="NAME",
    help="A name of `chaos list`, or all; may be repeated.",
)
@click.option("--report", type=click.Path(path_type=Path), help="Write a report (HTML) here.")
@click.option(
    "--results",
    "results_file",
    type=click.Path(path_type=Path),
    help="Write all figures (JSON) here, after each scenario.",
)
@click.option("--questions", type=click.IntRange(min=1), help="Ask at least so many (by scenario).")
@click.option("--rate", type=NumberRange(min=0.1), help="Questions a second (by scenario).")
@click.option(
    "--seconds",
    type=NumberRange(min=0),
    metavar="SECONDS",
    help="Ask for at least so long (by scenario).",
)
@click.option(
    "--workers", type=click.IntRange(1, 20), help="Worker processes (3; some scenarios 2)."
)
@click.option("--seed", type=int, default=1, show_default=True, help="Of every random choice.")
@click.option("--long", "long_", is_flag=True, help="The longer form of each scenario, and soak.")
@click.option("--keep", type=click.Path(path_type=Path), help="Keep logs and ledgers here.")
@click.option(
    "--kafka-libs", type=click.Path(path_type=Path), help="Kafka's jars ($KAFKA_HOME/libs)."
)
@click.option(
    "--kafka", metavar="HOST:PORT", help="A Kafka that is there already; it is not broken."
)
@click.option(
    "--broker",
    type=click.Choice(["kafka", "log"]),
    default="kafka",
    show_default=True,
    help="Kafka, or the embedded log with one worker.",
)
@json_option
def run(
    names: tuple[str, ...],
    report: Path | None,
    results_file: Path | None,
    keep: Path | None,
    kafka_libs: Path | None,
    kafka: str | None,
    long_: bool,
    as_json: bool,
    **numbers: Any,
) -> None:
    """Run scenarios on servers of its own (loopback, a temporary folder) and audit each.

    \b
    answerloop chaos run --scenario kill-workers
    answerloop chaos run --scenario all --report report.html --results results.json
    answerloop chaos run --scenario kill-workers --long --rate 20 --workers 5 --seed 7
    answerloop chaos run --scenario rolling-restarts --broker log --keep chaos-logs

    Kafka's jars are taken from --kafka-libs or $KAFKA_HOME/libs, else Maven fetches them once.
    Exit code 1 when a check failed or a scenario could not be run to its end.
    """
    from app.chaos.report.text import print_results
    from app.chaos.scenario import Options

    options = Options(long=long_, **numbers)
    chosen = _chosen(names or ("all",), options)
    for path in filter(None, (report, results_file)):
        _refuse_unwritable(path)
    libraries = kafka_libs or default_kafka_libraries()
    with _folder(keep) as folder:
        save = partial(_write, report=report, results_file=results_file)
        results = asyncio.run(_run(chosen, options, folder, libraries, kafka, save))
    if as_json:
        print_json(results)
    else:
        print_results(results)
    bad = [each for each in results["runs"] if each["verdict"] in {"failed", "error"}]
    raise SystemExit(1 if bad else 0)


def default_kafka_libraries() -> Path:
    """Return `$KAFKA_HOME/libs`, or the folder in the user's cache that Maven fills."""
    if home := os.environ.get("KAFKA_HOME"):
        return Path(home) / "libs"
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(cache) / "answerloop" / "kafka-libs"


async def _run(
    chosen: Sequence[Scenario],
    options: Options,
    folder: Path,
    libraries: Path,
    kafka: str | None,
    save: Callable[[dict[str, Any]], None],
) -> dict[str, Any]:
    from app.chaos.outside import Outside
    from app.chaos.results import play_all

    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    outside = Outside(folder, libraries, kafka)
    console = stderr()
    try:
        return await play_all(
            chosen,
            outside,
            options,
            folder,
            "answerloop " + " ".join(sys.argv[1:]),
            tell=lambda result: console.print(_line(result), markup=False),
            begin=lambda scenario: console.print(
                f"{scenario.name}: {scenario.about}", markup=False
            ),
            save=save,
        )
    except asyncio.CancelledError:
        raise click.Abort from None


def _chosen(names: Sequence[str], options: Options) -> list[Scenario]:
    from app.chaos.scenarios import SCENARIOS

    found: list[Scenario] = []
    for name in names:
        if name == "all":
            found += [s for s in SCENARIOS.values() if options.long or not s.by_name_only]
        elif name in SCENARIOS:
            found.append(SCENARIOS[name])
        else:
            raise NotFoundError(f"no scenario {name!r}; there are {', '.join(SCENARIOS)} and all")
    return list({scenario.name: scenario for scenario in found}.values())


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    """Give a folder for everything that is written; it is removed unless it is to be kept."""
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep.absolute()
        return
    folder = Path(tempfile.mkdtemp(prefix="answerloop-chaos-"))
    folder.chmod(0o711)  # as root, the database's own user must get through
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _line(result: dict[str, Any]) -> str:
    audit = result["audit"]
    words = f"  {result['verdict']} in {result['seconds']} s"
    if audit:
        words += f": {audit['accepted']} accepted, {audit['lost']} lost,"
        words += f" {audit['duplicates']} duplicates, {audit['repeated_calls']} calls repeated"
    failed = [check["name"] for check in result["checks"] if not check["passed"]]
    if failed:
        words += f"; failed: {', '.join(failed)}"
    return words + (f"; {result['reason']}" if result.get("reason") else "")


def _write(results: dict[str, Any], report: Path | None, results_file: Path | None) -> None:
    """Write what there is so far."""
    if results_file is not None:
        import orjson

        results_file.write_bytes(orjson.dumps(results, option=orjson.OPT_INDENT_2) + b"\n")
    if report is not None:
        from app.chaos.report import render

        report.write_text(render(results), encoding="utf-8")


def _refuse_unwritable(path: Path) -> None:
    """Find out before a long run, not after it, that its results have no place."""
    try:
        path.open("ab").close()
    except OSError as error:
        raise InputError(f"can't write {path}: {error.strerror}") from None
