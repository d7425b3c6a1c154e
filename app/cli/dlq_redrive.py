"""`answerloop dlq redrive`: planned first, then sent at a pace, with a record of it."""

from __future__ import annotations

import asyncio
import getpass
import signal
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

import click
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from app.cli.dlq_options import filter_options, read_filter
from app.cli.dlq_requests import parts_of
from app.cli.output import json_option, print_json, printable, stderr, stdout
from app.cli.ranges import NumberRange
from app.core.redrive import LetterFilter, Pace
from app.errors import UnavailableError
from app.logs import configure_logging
from app.loop import run as run_loop
from app.settings import Settings, load_settings

_BATCH = 200
#: With bytes: a request has to stay small.
_MENDED_BATCH = 50
_SHOWN_FAILURES = 10


@dataclass
class Totals:
    """What a redrive did. `failures` are (origin, reason)."""

    redrive_id: int | None = None
    counts: Counter[str] = field(default_factory=Counter)
    failures: list[tuple[str, str]] = field(default_factory=list)
    interrupted: bool = False

    @property
    def looked_at(self) -> int:
        return self.counts.total()

    def add(self, outcome: str, origin: str, reason: str | None) -> None:
        self.counts[outcome] += 1
        if outcome == "failed":
            self.failures.append((origin, reason or ""))

    def as_json(self) -> dict[str, Any]:
        outcomes = ("sent", "arrived", "refused", "skipped", "failed")
        return {
            "redrive_id": self.redrive_id,
            **{outcome: self.counts[outcome] for outcome in outcomes},
            "failures": [{"origin": o, "reason": r} for o, r in self.failures],
            "interrupted": self.interrupted,
        }


@click.command(short_help="Send dead letters again; a dry run without --yes")
@filter_options
@click.option("--limit", type=click.IntRange(1), metavar="N", help="The oldest N at most.")
@click.option("--rate", type=NumberRange(0, min_open=True), help="Letters per second at most.")
@click.option(
    "--transform", "transform_text", metavar="FILE.py:FUNCTION", help="Mends each message first."
)
@click.option("--yes", is_flag=True, help="Send them; without it the plan is shown.")
@json_option
def redrive(
    limit: int | None,
    rate: float | None,
    transform_text: str | None,
    yes: bool,
    as_json: bool,
    **parts: Any,
) -> None:
    """Send dead letters again, each once. Without --yes: show the plan, send nothing.

    A letter whose question is known comes back as that question in a new round; a rejected message
    as its bytes, to the topic it came from. A function given by --transform gets each letter and
    returns its new bytes, or None to leave it. Ctrl-C stops after the batch in hand; the same
    command goes on.

    \b
    answerloop dlq redrive --cause unauthorized --since 2h
    answerloop dlq redrive --cause unauthorized --yes --rate 50
    answerloop dlq redrive --cause rejected --transform mend.py:fix --yes
    """
    from app.cli.dlq_print import print_plan
    from app.cli.dlq_transform import load_transform

    wanted = read_filter(parts)
    transform = load_transform(transform_text) if transform_text is not None else None
    settings = load_settings()
    configure_logging(settings.log_format, "warning")
    work = Redrive(settings, wanted, limit, Pace(rate), transform)
    plan, totals = run_loop(work.run(dry_run=not yes))
    if not as_json and not plan["examined"]:
        print_plan(plan)
        return
    if not yes and transform is None:
        print_json(plan) if as_json else print_plan(plan, limit)
    elif as_json:
        print_json(totals.as_json() if yes else plan | {"transform": totals.as_json()})
    else:
        _print_totals(totals, dry_run=not yes)
    if not yes and not as_json:
        stdout().print("a dry run: --yes sends them")
    if totals.interrupted:
        raise SystemExit(130)
    if totals.failures:
        raise SystemExit(1)


def _print_totals(totals: Totals, *, dry_run: bool) -> None:
    say = stdout().print
    words = {"sent": "would be sent" if dry_run else "sent"}
    said = [
        f"{totals.counts[outcome]} {words.get(outcome, outcome)}"
        for outcome in ("sent", "arrived", "refused", "skipped", "failed")
        if totals.counts[outcome] or outcome == "sent"
    ]
    number = "" if totals.redrive_id is None else f"redrive {totals.redrive_id}: "
    say(number + ", ".join(said))
    for origin, reason in totals.failures[:_SHOWN_FAILURES]:
        say(f"  {printable(origin)}: {printable(reason)}", soft_wrap=True)
    if len(totals.failures) > _SHOWN_FAILURES:
        say(f"  and {len(totals.failures) - _SHOWN_FAILURES} more failures (--json has all)")


class Redrive:
    """One redrive from plan to end."""

    def __init__(
        self,
        settings: Settings,
        wanted: LetterFilter,
        limit: int | None,
        pace: Pace,
        transform: Any = None,
    ) -> None:
        self._settings = settings
        self._wanted = wanted
        self._limit = limit
        self._pace = pace
        self._transform = transform
        self._totals = Totals()
        self._stop = asyncio.Event()
        self._planned = 0

    async def run(self, *, dry_run: bool) -> tuple[dict[str, Any], Totals]:
        """Plan, then send (or, with a transform, try it on each letter and send nothing)."""
        from app.cli.dlq_desk import open_desk

        async with open_desk(self._settings, sends=not dry_run) as desk:
            plan = await desk.plan(self._wanted)
            self._planned = min(plan["planned"], self._limit or plan["planned"])
            # What dies while the redrive runs is not its business: it would run in a circle.
            until = min(self._wanted.until or plan["until"], plan["until"])
            self._wanted = replace(self._wanted, until=until)
            if not plan["examined"] or (dry_run and self._transform is None):
                return plan, self._totals
            await self._all(desk, dry_run=dry_run)
        return plan, self._totals

    async def _all(self, desk: Any, *, dry_run: bool) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stop.set)
        try:
            with _bar(self._planned) as (bar, task):
                await self._batches(desk, bar, task, dry_run=dry_run)
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)

    async def _batches(self, desk: Any, bar: Progress, task: Any, *, dry_run: bool) -> None:
        loop = asyncio.get_running_loop()
        started, cursor = loop.time(), None
        while True:
            size = self._pace.batch(_BATCH if self._transform is None else _MENDED_BATCH)
            if self._limit is not None:
                size = min(size, self._limit - self._totals.looked_at)
            if size <= 0:
                return
            if self._transform is None:
                cursor = await self._send(desk, size, cursor)
            else:
                cursor = await self._mend_and_send(desk, size, cursor, dry_run=dry_run)
            bar.update(task, completed=self._totals.looked_at)
            if cursor is None:
                return
            sent = self._totals.counts["sent"]
            if await self._stopped(self._pace.wait(sent, started, loop.time())):
                self._totals.interrupted = True
                return

    async def _stopped(self, seconds: float) -> bool:
        """Wait for the next batch's turn; tell whether somebody wants to stop."""
        if seconds > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), seconds)
        return self._stop.is_set()

    async def _send(self, desk: Any, size: int, cursor: str | None) -> str | None:
        return await self._order(desk, {"filter": self._wanted, "limit": size, "cursor": cursor})

    async def _mend_and_send(
        self, desk: Any, size: int, cursor: str | None, *, dry_run: bool
    ) -> str | None:
        from app.letters.desk import WantedPage

        page = await desk.page(
            WantedPage(self._wanted, limit=size, cursor=cursor, newest_first=False, with_bytes=True)
        )
        letters = self._mended(page["letters"])
        if dry_run:
            for origin in letters:
                self._totals.add("sent", origin, None)
        for part in () if dry_run else parts_of(letters):
            await self._order(desk, {"letters": part})
        next_: str | None = page["cursor"]
        return next_

    def _mended(self, rows: list[dict[str, Any]]) -> dict[str, Any]:
        """Return what is to be sent of each letter; what the function refuses is counted."""
        from app.cli.dlq_transform import TransformFailed

        letters: dict[str, Any] = {}
        for row in rows:
            origin, redrive_ = row["origin"], row["redrive"]
            mendable = redrive_["as"] in ("question", "bytes") or row["question_id"] is None
            if not mendable or (redrive_["reason"] or "").startswith(("redriven", "in_hand")):
                if redrive_["as"] == "arrived":
                    letters[origin] = None  # to be marked
                else:
                    self._totals.add("refused", origin, redrive_["reason"])
                continue
            try:
                mended = self._transform(row)
            except TransformFailed as error:
                self._totals.add("failed", origin, str(error))
                continue
            if mended is None:
                self._totals.add("skipped", origin, None)
            else:
                letters[origin] = mended
        return letters

    async def _order(self, desk: Any, chosen: dict[str, Any]) -> str | None:
        from app.letters.desk import Order

        order = Order(
            **chosen,
            dry_run=False,
            redrive_id=self._totals.redrive_id,
            by=f"{_user()}@{socket.gethostname()}"[:100],
            transform=self._transform.name[:300] if self._transform is not None else None,
            planned=self._planned,
        )
        try:
            done = await desk.redrive(order)
        except UnavailableError as error:
            at = f" after {self._totals.counts['sent']} letters" if self._totals.looked_at else ""
            raise UnavailableError(f"stopped{at}: {error}. The same command goes on") from error
        self._totals.redrive_id = done["redrive_id"]
        for letter in done["letters"]:
            self._totals.add(letter["outcome"], letter["origin"], letter["reason"])
        next_: str | None = done["cursor"]
        return next_


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may have no name for its user
        return "unknown"


@contextmanager
def _bar(total: int) -> Iterator[tuple[Progress, TaskID]]:
    """Show progress on stderr, where that is a terminal."""
    console = stderr()
    columns = (TextColumn("redriving"), BarColumn(bar_width=30), MofNCompleteColumn())
    disable = not console.is_terminal
    with Progress(*columns, TimeElapsedColumn(), console=console, disable=disable) as bar:
        yield bar, bar.add_task("", total=total)
