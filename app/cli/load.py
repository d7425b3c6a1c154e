"""`answerloop load`: traffic at a rate that no answer slows down, and the latencies it met."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.cli.output import json_option, print_json, stderr, stdout
from app.cli.ranges import NumberRange
from app.cli.topics_settings import quiet_settings
from app.cli.writing import refuse_overwriting, refuse_unwritable
from app.loop import run as run_loop
from app.settings import Settings

if TYPE_CHECKING:
    from app.load.plan import Plan
    from app.load.playing import Played

_FILE = click.Path(path_type=Path)
_LINE_SECONDS = 5.0
_INTERRUPTED = 130


@click.command(short_help="Traffic at a rate, and the latencies it met")
@click.option(
    "--url", "urls", multiple=True, metavar="URL", help="A worker's address; several take turns."
)
@click.option("--rate", type=NumberRange(0.001, 100_000), help="Requests a second (5).")
@click.option("--duration", type=NumberRange(0.1, 604_800), metavar="S", help="Seconds (60).")
@click.option("--count", type=click.IntRange(1, 10**9), help="So many requests at most.")
@click.option(
    "--arrivals",
    type=click.Choice(["constant", "poisson", "ramp", "bursts", "steps"]),
    default="constant",
    show_default=True,
    help="When requests are due.",
)
@click.option(
    "--spacing",
    type=click.Choice(["even", "poisson"]),
    help="Of ramp, bursts, steps: evenly (the default) or at random.",
)
@click.option(
    "--from-rate", type=NumberRange(0, 100_000), help="Requests a second where a ramp begins (0)."
)
@click.option("--burst", metavar="ON/OFF", help="Seconds of a burst, and between two (5/5).")
@click.option("--steps", metavar="RxS,...", help="Rates and their seconds: 5x30,10x30,20x30.")
@click.option("--seed", type=int, default=1, show_default=True, help="Of every random choice.")
@click.option(
    "--questions",
    default="samples",
    metavar="FILE",
    help="samples (the default), synthetic, or a file as for `run`.",
)
@click.option("--format", "format_", metavar="FORMAT", help="Of the file: csv, jsonl, yahoo.")
@click.option("--words", metavar="DIST", help="Of synthetic: fixed:N, uniform:A-B, lognormal:M,S.")
@click.option(
    "--language", type=click.Choice(["en", "es", "both"]), help="Of synthetic questions (both)."
)
@click.option(
    "--repeats",
    type=NumberRange(0, 1),
    metavar="SHARE",
    help="Share that asks an earlier one again (0).",
)
@click.option(
    "--zipf", type=NumberRange(0, 5), help="How much --repeats prefers the first ones (1)."
)
@click.option(
    "--references",
    type=NumberRange(0, 1),
    metavar="SHARE",
    help="Share sent with its reference (1).",
)
@click.option("--ratings", is_flag=True, help="Send ratings instead: POST /ratings.")
@click.option("--batch", type=click.IntRange(1, 1000), help="Ratings in a request (1).")
@click.option(
    "--in-flight",
    type=click.IntRange(1, 100_000),
    default=500,
    show_default=True,
    help="Requests without an answer at most; what is due beyond is not sent.",
)
@click.option(
    "--timeout",
    type=NumberRange(0.1, 3600),
    default=30.0,
    show_default=True,
    metavar="S",
    help="Seconds to wait for an answer.",
)
@click.option(
    "--drain",
    type=NumberRange(0, 86_400),
    default=60.0,
    show_default=True,
    metavar="S",
    help="Seconds to wait for ends after the last answer.",
)
@click.option("--no-follow", is_flag=True, help="Measure until accepted only.")
@click.option("--yes-remote", is_flag=True, help="Allow addresses of other machines.")
@click.option(
    "--fail-p99",
    type=NumberRange(0, 1e6),
    metavar="S",
    help="Exit code 1 when p99 until accepted is above S seconds.",
)
@click.option(
    "--fail-settled-p99",
    type=NumberRange(0, 1e6),
    metavar="S",
    help="The same of p99 until settled.",
)
@click.option(
    "--fail-errors",
    type=NumberRange(0, 1),
    metavar="SHARE",
    help="Exit code 1 when a larger share got no proper answer.",
)
@click.option("--report", type=_FILE, help="Write a page (HTML) with plots here.")
@json_option
def load(**options: Any) -> None:
    """Load a worker: requests go when they are due, whatever the service does meanwhile.

    \b
    answerloop load --rate 20 --duration 60 --arrivals poisson
    answerloop load --arrivals steps --steps 5x30,10x30,20x30 --report load.html
    answerloop load --questions synthetic --words lognormal:12,0.6 --repeats 0.3
    answerloop load --rate 50 --fail-p99 0.5 --fail-errors 0.01 --json
    answerloop load --ratings --batch 100 --rate 50

    Latency counts from when a request was due, until it was accepted, and until its question
    ended. Ctrl-C ends it with the summary. Exit code 1: a --fail limit was exceeded.
    """
    from app.cli.load_options import read_limits, read_plan

    limits = read_limits(options)
    settings = quiet_settings()
    plan = read_plan(options, settings)
    if options["report"] is not None:
        refuse_unwritable(options["report"])
        if Path(options["questions"]).exists():
            refuse_overwriting([Path(options["questions"])], [options["report"]])
    played = run_loop(_play(plan, settings, options))
    _finish(played, limits, options)


async def _play(plan: Plan, settings: Settings, options: dict[str, Any]) -> Played:
    import asyncio
    from dataclasses import replace

    from app.cli.interrupts import stop_signals
    from app.cli.load_print import LoadView
    from app.cli.watch import address_of
    from app.load.addresses import check_addresses, refuse_remote
    from app.load.playing import play

    urls = options["urls"] or [await asyncio.to_thread(address_of, settings)]
    plan = replace(plan, urls=check_addresses(urls))
    if not options["yes_remote"]:
        await refuse_remote(plan.urls)
    with stop_signals() as stop, LoadView(stderr(), _LINE_SECONDS) as view:
        return await play(plan, stop, view.show)


def _finish(played: Played, limits: Any, options: dict[str, Any]) -> None:
    from app.cli.load_print import summary
    from app.load.document import document

    found = document(played, limits)
    if options["report"] is not None:
        from app.load.report import write_page

        write_page(found, options["report"])
        stderr().print(f"wrote {options['report']}", markup=False)
    if options["as_json"]:
        print_json(found)
    else:
        stdout().print(summary(played))
        for said in found["findings"]:
            stderr().print(said, style="yellow", markup=False, soft_wrap=True)
    for said in found["exceeded"]:
        stderr().print(f"exceeded: {said}", style="red", markup=False, soft_wrap=True)
    if found["exceeded"]:
        raise SystemExit(1)
    if played.results.interrupted:
        raise SystemExit(_INTERRUPTED)
