"""`answerloop fake-llm`: a model server that fails on demand."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.cli.output import json_option, print_error, print_json, print_table
from app.cli.ranges import NumberRange
from app.errors import InputError

if TYPE_CHECKING:
    from app.fake_llm import FakeModelServer, Limits, Script

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


class _Queue(click.ParamType):
    """A number of waiting calls, or `unbounded`."""

    name = "N|unbounded"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | None:
        """Return the number, None for `unbounded`."""
        if value is None or isinstance(value, int) or value == "unbounded":
            return None if value == "unbounded" else value
        if not (str(value).isascii() and str(value).isdigit()):
            self.fail(f"{value!r} is neither a number nor unbounded", param, ctx)
        return int(value)


@click.command("fake-llm", short_help="A model server that fails on demand")
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    metavar="ADDRESS",
    help="Address to listen on.",
)
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=11_435, show_default=True, help="0: any free."
)
@click.option(
    "--control-port",
    type=click.IntRange(0, 65_535),
    help="Steer it here too, when its own port is closed; the URL is the second line on stdout.",
)
@click.option(
    "--latency",
    type=NumberRange(0),
    default=0.2,
    show_default=True,
    metavar="SECONDS",
    help="To each reply.",
)
@click.option(
    "--jitter", type=NumberRange(0), default=0.0, metavar="SECONDS", help="Up to so many more."
)
@click.option("--capacity", type=click.IntRange(1), help="Calls answered at a time (any number).")
@click.option("--queue", type=_Queue(), default="unbounded", help="Calls that may wait; then 503.")
@click.option(
    "--protocol",
    type=click.Choice(["both", "ollama", "openai"]),
    default="both",
    show_default=True,
    help="What it speaks.",
)
@click.option(
    "--models",
    default="smol:latest",
    show_default=True,
    metavar="NAMES",
    help="Names, with commas.",
)
@click.option("--script", type=_FILE, help="Phases and steps (JSON).")
@click.option("--scenario", metavar="NAME", help="A script with a name; see --list-scenarios.")
@click.option(
    "--calls",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Append a log of the calls (JSONL) here.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of every draw.")
@click.option(
    "--answers", type=_FILE, help="Questions with references, of which a share is answered well."
)
@click.option(
    "--good-share",
    type=NumberRange(0, 1),
    default=0.7,
    show_default=True,
    help="That share of --answers.",
)
@click.option("--list-modes", is_flag=True, help="Print the table of modes.")
@click.option("--list-scenarios", is_flag=True, help="Print the table of scenarios.")
@json_option
def fake_llm(host: str, port: int, control_port: int | None, **options: Any) -> None:
    """Serve a fake model (Ollama and OpenAI protocols) until Ctrl-C; then print totals.

    \b
    answerloop fake-llm
    answerloop fake-llm --scenario outage
    answerloop fake-llm --capacity 4 --queue 8 --latency 1 --jitter 0.5
    answerloop fake-llm --script drill.json --calls calls.jsonl --seed 7
    answerloop fake-llm --answers questions.csv --good-share 0.6
    ANSWERLOOP_LLM=ollama://127.0.0.1:11435 ANSWERLOOP_LLM_MODEL=smol answerloop run questions.csv

    The first line on stdout is the URL. PUT /_fake/script, PUT /_fake/default, POST /_fake/reset,
    GET /_fake/calls and GET /_fake/stats steer and watch it.
    """
    if options["list_modes"] or options["list_scenarios"]:
        _list(modes=options["list_modes"], as_json=options["as_json"])
        return
    from app.fake_llm.process import is_loopback, serve
    from app.loop import run

    if not is_loopback(host):
        print_error(f"warning: whoever reaches {host} can steer this server")
    run(serve(_server(options), host, port, control_port))


def _server(options: dict[str, Any]) -> FakeModelServer:
    from app.fake_llm import FakeModelServer, ReferenceAnswers
    from app.fake_llm.answers import load_references
    from app.fake_llm.protocols import PROTOCOLS

    answers = None
    if options["answers"] is not None:
        references = load_references(options["answers"])
        answers = ReferenceAnswers(references, options["good_share"], options["seed"])
    protocol = options["protocol"]
    server = FakeModelServer(
        latency=options["latency"],
        models=[name.strip() for name in options["models"].split(",") if name.strip()],
        answers=answers,
        jitter=options["jitter"],
        limits=_limits(options),
        protocols=PROTOCOLS if protocol == "both" else (protocol,),
        seed=options["seed"],
        calls_file=options["calls"],
        keep_calls=100_000,
    )
    script = _script(options["script"], options["scenario"])
    if script is not None:
        server.run_script(script)
    return server


def _limits(options: dict[str, Any]) -> Limits:
    from app.fake_llm import Limits

    if options["capacity"] is None and options["queue"] is not None:
        raise InputError("--queue needs --capacity", field="--queue")
    return Limits(options["capacity"], options["queue"])


def _script(file: Path | None, scenario: str | None) -> Script | None:
    from app.fake_llm.scenarios import SCENARIOS
    from app.fake_llm.script import load_script

    if file is not None and scenario is not None:
        raise InputError("give --script or --scenario, not both", field="--scenario")
    if file is not None:
        return load_script(file)
    if scenario is None:
        return None
    if scenario not in SCENARIOS:
        raise InputError(f"no scenario {scenario!r}; there are {', '.join(SCENARIOS)}")
    return SCENARIOS[scenario].script


def _list(*, modes: bool, as_json: bool) -> None:
    from app.fake_llm import MODES
    from app.fake_llm.scenarios import SCENARIOS

    columns = ("mode", "kind", "what the caller gets", "ends as") if modes else ("scenario", "does")
    rows: list[tuple[str, ...]] = [(name, each.about) for name, each in SCENARIOS.items()]
    if modes:
        rows = [(each.name, each.kind, each.about, each.ends) for each in MODES.values()]
    if as_json:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        print_table(None, columns, rows)
