"""`answerloop topics tail`: `kcat`'s habits, with the records decoded."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from app.cli.output import stderr
from app.cli.topics_settings import quiet_settings, read_time
from app.loop import run as run_loop
from app.settings import Settings

if TYPE_CHECKING:
    from app.inspection.tailing import Seen, Tail, Wanted

Line = Callable[["Seen"], bytes]


@click.command(context_settings={"max_content_width": 100})
@click.argument("topic")
@click.option(
    "-o",
    "--offset",
    default="beginning",
    metavar="OFFSET",
    help="beginning (the default), end, an offset, or -N: the last N of each partition.",
)
@click.option("--from-time", metavar="WHEN", help="From this time on: -1h, ISO 8601, Unix seconds.")
@click.option("--until", metavar="WHEN", help="Up to this time, then stop.")
@click.option("-p", "--partition", type=click.IntRange(0), metavar="N", help="This one only.")
@click.option("-c", "--max", "most", type=click.IntRange(1), metavar="N", help="Stop after N.")
@click.option("-e", "--exit", "exit_", is_flag=True, help="Stop at the end of the topic as it is.")
@click.option(
    "-f", "--format", "format_", metavar="FORMAT", help=r"kcat's: %t %p %o %k %s %T %h %S %K \n \t."
)
@click.option("-J", "--json", "as_json", is_flag=True, help="A line of JSON for each record.")
@click.option("--key", metavar="K", help="Records of this key only.")
@click.option(
    "--filter",
    "filters",
    multiple=True,
    metavar="COND",
    help="field=value, field!=value, field~text, field<number, ... May be repeated: all must hold.",
)
@click.option("--bad", is_flag=True, help="Only records that do not fit their topic.")
@click.option("--raw", is_flag=True, help="Do not decode: the values' bytes as they are.")
def tail(
    topic: str,
    offset: str,
    from_time: str | None,
    until: str | None,
    partition: int | None,
    most: int | None,
    exit_: bool,
    format_: str | None,
    as_json: bool,
    key: str | None,
    filters: tuple[str, ...],
    bad: bool,
    raw: bool,
) -> None:
    """Read the records of a topic, by time over its partitions, then follow it until Ctrl-C.

    Each is decoded as the pipeline decodes it; one that does not fit is shown with the reason and
    its bytes. No group is joined and nothing is committed: a running worker is not disturbed.

    \b
    answerloop topics tail dead-letters -o -10
    answerloop topics tail llm-responses-error -e --filter cause=overloaded -c 20
    answerloop topics tail validated-responses --from-time -1h --filter 'f1<0.8' -J | jq .payload
    answerloop topics tail llm-requests -e -f '%T %p/%o %k %S\\n'
    """
    from app.inspection.filters import condition
    from app.inspection.tailing import Wanted

    if as_json and format_ is not None:
        raise click.UsageError("--format and --json exclude each other")
    if raw and (filters or bad):
        raise click.UsageError("--raw decodes nothing: no --filter and no --bad with it")
    wanted = Wanted(
        topic=topic,
        offset=offset,
        from_time=read_time(from_time, "--from-time"),
        until=read_time(until, "--until"),
        partition=partition,
        key=None if key is None else key.encode(),
        conditions=tuple(condition(each) for each in filters),
        bad_only=bad,
        raw=raw,
        follow=not exit_,
    )
    make_line = _line_maker(format_, as_json=as_json, raw=raw)
    settings = quiet_settings()
    raise SystemExit(run_loop(_tail(settings, wanted, most, make_line)))


LineMaker = Callable[[str, bool], Line]


def _line_maker(format_: str | None, *, as_json: bool, raw: bool) -> LineMaker:
    """Return what makes a topic's lines, given its record's name and whether it has a schema."""
    from app.inspection import shown

    terminal = sys.stdout.isatty()
    if format_ is not None or (raw and not as_json):
        write = shown.formatter(r"%s\n" if format_ is None else format_, for_terminal=terminal)
        return lambda _name, _checked: lambda seen: write(seen.record)
    if as_json:
        return lambda _name, checked: (
            lambda seen: shown.json_line(seen, raw=raw, checked=checked) + b"\n"
        )
    return lambda name, _checked: (
        lambda seen: shown.line_for_people(seen, name).encode("utf-8", "replace") + b"\n"
    )


async def _tail(settings: Settings, wanted: Wanted, most: int | None, make_line: LineMaker) -> int:
    """Write the lines; return the exit code."""
    from app.cli.interrupts import stop_signals
    from app.inspection.decoding import TopicDecoder
    from app.inspection.opening import reading
    from app.inspection.tailing import Tail

    decoder = TopicDecoder(settings, wanted.topic)
    line = make_line(decoder.record, decoder.record != "-")
    shown, started = 0, time.monotonic()
    with stop_signals() as stop:
        async with reading(settings) as reader:
            tail_ = Tail(reader, decoder, wanted)
            try:
                async for chunk in tail_.run(stop):
                    part = chunk if most is None else chunk[: most - shown]
                    if part:
                        sys.stdout.buffer.write(b"".join([line(seen) for seen in part]))
                        sys.stdout.buffer.flush()
                    shown += len(part)
                    if shown == most or stop.is_set():
                        break
            except BrokenPipeError:  # who read has enough
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
                return 0
    _say_totals(tail_, shown, time.monotonic() - started)
    return 130 if stop.is_set() else 0


def _say_totals(tail_: Tail, shown: int, seconds: float) -> None:
    bad = f", {tail_.bad:,} undecodable" if tail_.bad else ""
    stderr().print(f"{shown:,} shown of {tail_.read:,} read{bad} in {seconds:.1f} s")
