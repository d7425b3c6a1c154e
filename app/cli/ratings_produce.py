"""`answerloop ratings produce`: ratings made by a seed, or of a MovieLens file, onto the topic."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.cli.output import json_option, print_error, print_json, stderr
from app.cli.ranges import NumberRange
from app.cli.ratings_produced import Produced, print_summary
from app.loop import run as run_loop
from app.settings import Settings, load_settings

if TYPE_CHECKING:
    from app.cli.ratings_progress import LiveCount
    from app.core.ratings.events import RatingLimits
    from app.files.rows import BadRow
    from app.ratings.faulty import Expected, RatingMessage
    from app.ratings.file_events import FileEvents

DEFAULT_COUNT = 10_000
#: As MovieLens 100K has them.
DEFAULT_USERS, DEFAULT_MOVIES = 943, 1682
#: Events of the stream's own time, where no rate is given.
EVENTS_PER_SECOND = 100.0
_SHOWN_BAD_ROWS = 5


class Rate(click.ParamType):
    """A number of events a second: `200` or `200/s`."""

    name = "rate"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        if isinstance(value, float):
            return value
        try:
            rate = float(str(value).removesuffix("/s"))
        except ValueError:
            rate = 0.0
        if not 0 < rate < 1e9:
            self.fail(f"{value} is no rate: events a second, as 200 or 0.5", param, ctx)
        return rate


@dataclass(frozen=True, slots=True)
class Options:
    """What is to be sent, and how fast."""

    count: int | None
    rate: float | None
    seed: int
    users: int
    movies: int
    file: Path | None
    bad: float
    repeats: float


@click.command(short_help="Send ratings: made by a seed, or of a file")
@click.option("--count", type=click.IntRange(min=1), help="How many (10,000; of a file: all).")
@click.option("--rate", type=Rate(), metavar="R", help="Events a second (as fast as it goes).")
@click.option(
    "--delay",
    type=NumberRange(min=0, min_open=True),
    metavar="MS",
    help="Milliseconds from one event to the next, in place of --rate.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=1,
    help="The same seed makes the same ratings (1).",
)
@click.option("--users", type=click.IntRange(min=1), help=f"How many users ({DEFAULT_USERS}).")
@click.option("--movies", type=click.IntRange(min=1), help=f"How many movies ({DEFAULT_MOVIES}).")
@click.option(
    "--file",
    type=click.Path(path_type=Path),
    help="A MovieLens ratings.csv, or .csv.gz, in place of a seed.",
)
@click.option(
    "--bad",
    type=NumberRange(0, 1),
    default=0.0,
    metavar="SHARE",
    help="Share of events that break a rule on purpose (0 to 1).",
)
@click.option(
    "--repeats",
    type=NumberRange(0, 1),
    default=0.0,
    metavar="SHARE",
    help="Share of events that are duplicate or stale on purpose.",
)
@click.option("--strict", is_flag=True, help="Exit code 1 when a row of the file was rejected.")
@json_option
def produce(
    count: int | None,
    rate: float | None,
    delay: float | None,
    seed: int,
    users: int | None,
    movies: int | None,
    file: Path | None,
    bad: float,
    repeats: float,
    strict: bool,
    as_json: bool,
) -> None:
    """Send ratings to the topic, keyed by user: made by a seed, or read from a MovieLens file.

    Each is checked first. Rows of a file that break a rule are not sent: they are counted by rule,
    and written to NAME.rejects.csv beside the file. Ctrl-C stops in order.

    \b
    answerloop ratings produce --count 100000
    answerloop ratings produce --rate 200/s --seed 7
    answerloop ratings produce --file ml-latest-small/ratings.csv
    answerloop ratings produce --count 50000 --bad 0.03 --repeats 0.05 --json
    """
    if rate is not None and delay is not None:
        raise click.UsageError("give --rate or --delay, not both")
    if file is not None and (bad or repeats or users or movies):
        raise click.UsageError("--bad, --repeats, --users and --movies are not for --file")
    if bad + repeats > 1:
        raise click.UsageError("--bad and --repeats are shares: together at most 1")
    if delay is not None:
        rate = 1000.0 / delay
    settings = load_settings()
    options = Options(
        count=count,
        rate=rate,
        seed=seed,
        users=_within(users, DEFAULT_USERS, settings.rating_max_user_id, "--users"),
        movies=_within(movies, DEFAULT_MOVIES, settings.rating_max_movie_id, "--movies"),
        file=file,
        bad=bad,
        repeats=repeats,
    )
    produced = run_loop(_produce(settings, options))
    print_json(produced.as_json()) if as_json else print_summary(produced)
    _end(produced, strict=strict)


def _within(given: int | None, default: int, greatest: int, option: str) -> int:
    if given is None:
        return min(default, greatest)
    if given > greatest:
        raise click.BadParameter(
            f"{given} is over the largest valid id, {greatest} "
            f"(ANSWERLOOP_RATING_MAX_{option[2:-1].upper()}_ID)",
            param_hint=option,
        )
    return given


async def _produce(settings: Settings, options: Options) -> Produced:
    from app.cli.interrupts import stop_signals
    from app.cli.ratings_progress import LiveCount
    from app.core.ratings.events import RatingLimits
    from app.errors import AnswerloopError, InputError
    from app.ratings.movielens import estimate_rows
    from app.ratings.pace import Pace
    from app.ratings.senders import open_sender
    from app.ratings.sending import Sent, send_ratings
    from app.topics import rating_topic_names

    limits = RatingLimits(settings.rating_max_user_id, settings.rating_max_movie_id)
    expected = options.count or DEFAULT_COUNT
    if options.file is not None:
        rows = estimate_rows(options.file)
        expected = min(rows, options.count or rows)
    with LiveCount(stderr(), "sending", expected) as live:
        source = _source(options, limits, live)
        async with open_sender(settings) as sender:
            if options.bad and sender.valid_only:
                raise InputError(
                    f"{sender.where} takes valid ratings only: stop it, or leave out --bad"
                )
            produced = Produced(
                source.name, rating_topic_names(settings).ratings, sender.where, Sent()
            )
            sent = produced.sent
            with stop_signals() as stop:
                try:
                    await send_ratings(
                        source.messages,
                        sender,
                        sent,
                        pace=Pace(options.rate),
                        stop=stop,
                        shown=lambda: live.show(sent.acknowledged, source.note()),
                    )
                except AnswerloopError as error:
                    produced.error = error
    source.fill(produced)
    return produced


@dataclass
class _Source:
    """Where the messages come from."""

    name: str
    messages: Iterator[RatingMessage]
    expected: Expected | None = None
    events: FileEvents | None = None

    def note(self) -> str:
        rejected = sum(self.events.rejected.values()) if self.events else 0
        return f"rejected {rejected:,}" if rejected else ""

    def fill(self, produced: Produced) -> None:
        produced.expected = self.expected
        if self.events is not None and self.events.rejected:
            produced.rejected = self.events.rejected
            produced.rejects = self.events.rejects_path


def _source(options: Options, limits: RatingLimits, live: LiveCount) -> _Source:
    if options.file is not None:
        from app.ratings.file_events import FileEvents

        events = FileEvents(options.file, limits, options.count, _Told(live).bad_row)
        return _Source(str(options.file), iter(events), events=events)
    try:
        from app.ratings.faulty import SyntheticEvents
    except ImportError as error:
        from app.errors import InputError

        raise InputError(
            f"ratings by a seed need numpy ({error}): pip install 'answerloop[recommender]', "
            "or give --file"
        ) from error
    count = options.count or DEFAULT_COUNT
    now_ms = time.time_ns() // 1_000_000
    per_second = options.rate or EVENTS_PER_SECOND
    made = SyntheticEvents(
        count,
        limits=limits,
        seed=options.seed,
        users=options.users,
        movies=options.movies,
        # With a rate the events happen as they are sent; else the last one happens now.
        start_ms=now_ms if options.rate else max(1, now_ms - int(count / per_second * 1000)),
        per_second=per_second,
        bad=options.bad,
        repeats=options.repeats,
    )
    return _Source(f"seed {options.seed}", iter(made), expected=made.expected)


class _Told:
    """Tells the first bad rows by line, and then that there are more."""

    def __init__(self, live: LiveCount) -> None:
        self._live = live
        self._told = 0

    def bad_row(self, row: BadRow) -> None:
        self._told += 1
        if self._told <= _SHOWN_BAD_ROWS:
            self._live.say(f"line {row.line}: {row.reason}")
        elif self._told == _SHOWN_BAD_ROWS + 1:
            self._live.say("more bad rows: see the rejects file")


def _end(produced: Produced, *, strict: bool) -> None:
    """Exit as the run went: 4 when the log was lost, 130 interrupted, 1 by --strict."""
    from app.errors import UnavailableError

    sent = produced.sent
    if produced.error is not None:
        raise produced.error
    if sent.interrupted:
        raise SystemExit(130)
    if sent.failed:
        why = next(iter(sent.errors))
        raise UnavailableError(
            f"{produced.where} did not acknowledge {sent.failed:,} of {sent.sent:,} events: {why}"
        )
    if strict and produced.rejected:
        print_error(f"{sum(produced.rejected.values())} rows were rejected, and --strict was given")
        raise SystemExit(1)
