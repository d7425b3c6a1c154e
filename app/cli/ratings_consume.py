"""`answerloop ratings consume`: reads the topic, checks each event, shows what is in it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click

from app.charts.numbers import percent
from app.cli.output import json_option, print_json, print_table, stderr
from app.cli.ranges import NumberRange
from app.loop import run as run_loop
from app.settings import Settings, load_settings

if TYPE_CHECKING:
    import asyncio

    from app.cli.ratings_progress import LiveCount
    from app.ratings.reading import GroupReader
    from app.ratings.tally import Tally

_COMMIT_SECONDS = 2.0
_BAR = 40


@dataclass
class Consumed:
    """What a run read, and where the group stands after it."""

    topic: str
    group: str
    where: str
    tally: Tally
    lag: dict[int, int] = field(default_factory=dict)
    seconds: float = 0.0
    interrupted: bool = False
    error: Exception | None = None

    def as_json(self) -> dict[str, Any]:
        tally = self.tally
        return {
            "topic": self.topic,
            "group": self.group,
            "broker": self.where,
            "read": tally.read,
            "valid": tally.valid,
            "rejected": dict(tally.rejected),
            "samples": [each._asdict() for each in tally.samples],
            "by_rating": dict(_histogram(tally)),
            "mean": tally.mean,
            "users": len(tally.users),
            "movies": len(tally.movies),
            "first_timestamp": tally.first_timestamp,
            "last_timestamp": tally.last_timestamp,
            "positions": {str(each): at for each, at in sorted(tally.positions.items())},
            "lag": {str(each): n for each, n in sorted(self.lag.items())},
            "seconds": round(self.seconds, 3),
            "per_second": round(tally.read / self.seconds, 1) if self.seconds else 0.0,
            "interrupted": self.interrupted,
        }


@click.command(short_help="Read the topic: valid, rejected by rule, histogram, lag")
@click.option(
    "--max-messages", type=click.IntRange(min=1), metavar="N", help="Read at most so many."
)
@click.option(
    "--timeout",
    "timeout_seconds",
    type=NumberRange(min=0),
    default=5.0,
    metavar="S",
    help="Stop after so many seconds without a new one (5); 0: never.",
)
@click.option("--reset", is_flag=True, help="Begin at the first event there is.")
@click.option("--group", metavar="G", help="Consumer group (APP_ID-ratings-consume).")
@json_option
def consume(
    max_messages: int | None,
    timeout_seconds: float,
    reset: bool,
    group: str | None,
    as_json: bool,
) -> None:
    """Read the ratings from where the last run ended, check each, and add up what is in them.

    The pipeline is not disturbed: this is a consumer group of its own. Ctrl-C prints the summary.

    \b
    answerloop ratings consume
    answerloop ratings consume --reset --max-messages 1000
    answerloop ratings consume --timeout 0 --group my-look
    """
    settings = load_settings()
    chosen = group or f"{settings.app_id}-ratings-consume"
    consumed = run_loop(_consume(settings, chosen, max_messages, timeout_seconds, reset=reset))
    print_json(consumed.as_json()) if as_json else _print_summary(consumed)
    if consumed.error is not None:
        raise consumed.error
    if consumed.interrupted:
        raise SystemExit(130)


async def _consume(
    settings: Settings, group: str, most: int | None, timeout_seconds: float, *, reset: bool
) -> Consumed:
    from app.cli.interrupts import stop_signals
    from app.cli.ratings_progress import LiveCount
    from app.core.ratings.events import RatingLimits
    from app.errors import UnavailableError
    from app.ratings.reading import open_group
    from app.ratings.tally import Tally
    from app.topics import rating_topic_names
    from app.wire.ratings import RatingReader

    topic = rating_topic_names(settings).ratings
    limits = RatingLimits(settings.rating_max_user_id, settings.rating_max_movie_id)
    with stop_signals() as stop, LiveCount(stderr(), "reading", most) as live:
        async with open_group(settings, topic, group, reset=reset) as reader:
            consumed = Consumed(topic, group, reader.where, Tally())
            started = time.monotonic()
            work = _Reading(reader, RatingReader(limits), consumed.tally, live)
            try:
                await work.run(most, timeout_seconds, stop)
                await reader.commit(consumed.tally.positions)
                consumed.lag = await reader.lag()
            except UnavailableError as error:  # what was read is shown all the same
                consumed.error = error
            consumed.seconds = work.last_at - started
            consumed.interrupted = stop.is_set()
    return consumed


class _Reading:
    """The loop of one run."""

    def __init__(self, reader: GroupReader, gate: Any, tally: Tally, live: LiveCount) -> None:
        self._reader, self._gate, self._tally, self._live = reader, gate, tally, live
        #: When the last event came (monotonic seconds).
        self.last_at = time.monotonic()
        self._committed_at = self.last_at

    async def run(self, most: int | None, timeout_seconds: float, stop: asyncio.Event) -> None:
        """Read until there are `most`, nothing came for the time, or `stop` is set."""
        from app.ratings.reading import CHUNK

        while not stop.is_set():
            wanted = CHUNK if most is None else min(CHUNK, most - self._tally.read)
            if wanted <= 0:
                break
            records = await self._reader.fetch(wanted, 0.5)
            now = time.monotonic()
            if records:
                self._tally.add(self._gate, records)
                self.last_at = now
            elif timeout_seconds and now - self.last_at >= timeout_seconds:
                break
            self._live.show(self._tally.read, _note(self._tally))
            if now - self._committed_at >= _COMMIT_SECONDS:
                self._committed_at = now
                await self._reader.commit(self._tally.positions)


def _note(tally: Tally) -> str:
    rejected = sum(tally.rejected.values())
    mean = "" if tally.mean is None else f"mean {tally.mean:.2f}"
    return f"valid {tally.valid:,} rejected {rejected:,} {mean}".rstrip()


def _histogram(tally: Tally) -> Iterator[tuple[str, int]]:
    for halves in range(1, 11):
        yield f"{halves / 2:.1f}", tally.by_halves[halves]


def _print_summary(consumed: Consumed) -> None:
    tally = consumed.tally
    rejected = ", ".join(f"{rule} {count:,}" for rule, count in tally.rejected.most_common())
    per_second = tally.read / consumed.seconds if consumed.seconds else 0.0
    print_table(
        None,
        ("ratings", "", ""),
        [
            ("read", f"{tally.read:,}", f"{consumed.topic}, {consumed.where}"),
            ("valid", f"{tally.valid:,}", "" if tally.mean is None else f"mean {tally.mean:.2f}"),
            ("rejected", f"{sum(tally.rejected.values()):,}", rejected),
            ("users", f"{len(tally.users):,}", f"{len(tally.movies):,} movies"),
            ("seconds", f"{consumed.seconds:.1f}", f"{per_second:,.0f}/s"),
            ("group", consumed.group, "interrupted" if consumed.interrupted else ""),
        ],
    )
    if tally.valid:
        most = max(tally.by_halves)
        rows = [
            (stars, f"{count:,}", percent(count / tally.valid), "█" * round(_BAR * count / most))
            for stars, count in _histogram(tally)
        ]
        print_table(None, ("stars", "ratings", "share", ""), rows)
    if tally.samples:
        why = [
            (f"{each.partition}/{each.offset}", each.rule, each.detail) for each in tally.samples
        ]
        print_table(None, ("rejected at", "rule", "why"), why)
    lag = [
        (str(each), f"{tally.positions[each]:,}" if each in tally.positions else "-", f"{n:,}")
        for each, n in sorted(consumed.lag.items())
    ]
    print_table(None, ("partition", "read to", "lag"), lag)
