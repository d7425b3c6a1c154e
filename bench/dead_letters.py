"""Dead letters at size: listing among 100,000, planning and redriving 10,000.

`python -m bench.dead_letters`: an embedded PostgreSQL and an embedded log in a folder of their own,
no engine, no model. Each figure is of the real statements on a database that was just filled.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg

from app.adapters.store.postgres.migrate import migrate
from app.adapters.store.postgres.store import PostgresStore
from app.cli.dlq_desk import open_desk
from app.core.lifecycle import Status, Turn
from app.core.redrive import LetterFilter
from app.letters.desk import Order, WantedPage
from app.opening import database_dsn
from app.ports import DeadLetterRow, Ending
from app.settings import Settings, load_settings

_CAUSES = ("unauthorized", "overload_retries_exhausted", "deadline", "rejected")
_CHUNK = 1_000
_DIED_AT = 1_800_000_000.0


def _letter(n: int, redrivable: int) -> tuple[Ending | None, DeadLetterRow]:
    """Return the n-th letter; the first `redrivable` are of dead questions, with one cause."""
    question_id = f"q{n}"
    cause = "insufficient_quota" if n < redrivable else _CAUSES[n % len(_CAUSES)]
    turn = Turn(0, 1, 1)
    letter = DeadLetterRow(
        "llm-responses-error",
        n % 8,
        n // 8,
        cause,
        "a detail of the usual length, as a server says it",
        _DIED_AT + n / 10,
        _DIED_AT + n / 10,
        1,
        question_id,
        turn,
        question_id.encode(),
        b"x" * 800,
    )
    if n >= redrivable:
        return None, letter
    ending = Ending(
        question_id, turn, Status.DEAD, f"Question {n}?", "An answer", "smol", _DIED_AT, _DIED_AT
    )
    return ending, letter


async def _fill(settings: Settings, total: int, redrivable: int) -> None:
    closers: list[Callable[[], Awaitable[None]]] = []
    dsn = await database_dsn(settings, closers)
    await migrate(dsn)
    store = PostgresStore(dsn)
    for start in range(0, total, _CHUNK):
        rows = [_letter(n, redrivable) for n in range(start, min(total, start + _CHUNK))]
        endings = [ending for ending, _ in rows if ending is not None]
        await store.finish(endings, [letter for _, letter in rows])
    await store.close()
    connection = await asyncpg.connect(dsn)
    await connection.execute("ANALYZE")  # autovacuum does it within a minute
    await connection.close()
    for closer in reversed(closers):
        await closer()


async def _milliseconds(work: Callable[[], Awaitable[Any]], times: int = 9) -> float:
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        await work()
        taken.append((time.perf_counter() - started) * 1000)
    return statistics.median(taken)


async def _lists(desk: Any) -> dict[str, float]:
    newest = LetterFilter()
    wanted = {
        "list: the newest 50": WantedPage(newest),
        "list: of one cause": WantedPage(LetterFilter(causes=("insufficient_quota",))),
        "list: of one question": WantedPage(LetterFilter(question_id="q77777")),
        "list: of the last hour": WantedPage(LetterFilter(since=_DIED_AT + 6_400.0)),
        "list: with counts by cause": WantedPage(newest, with_counts=True),
    }
    return {name: await _milliseconds(lambda p=page: desk.page(p)) for name, page in wanted.items()}


async def _redrive(desk: Any, letters: int) -> tuple[float, float]:
    wanted = LetterFilter(causes=("insufficient_quota",))
    started = time.perf_counter()
    plan = await desk.plan(wanted)
    planned = time.perf_counter() - started
    assert plan["planned"] == letters, plan
    sent, redrive_id = 0, None
    started = time.perf_counter()
    while sent < letters:
        done = await desk.redrive(
            Order(filter=wanted, limit=200, dry_run=False, redrive_id=redrive_id, by="bench")
        )
        assert done["failed"] == done["refused"] == 0, done
        sent += done["sent"]
        redrive_id = done["redrive_id"]
    return planned, time.perf_counter() - started


def folder_of_the_server(folder: Path) -> None:
    """Let the user that the database server runs as pass through."""
    folder.chmod(0o755)


async def main(total: int, redrivable: int) -> None:
    with tempfile.TemporaryDirectory(prefix="answerloop-bench-") as folder:
        folder_of_the_server(Path(folder))
        settings = load_settings(data_dir=Path(folder) / "data")
        await _fill(settings, total, redrivable)
        async with open_desk(settings, sends=True) as desk:
            print(f"| {total:,} letters, embedded PostgreSQL and log | |\n|---|---|")
            for name, milliseconds in (await _lists(desk)).items():
                print(f"| {name} | {milliseconds:.1f} ms |")
            planned, sent = await _redrive(desk, redrivable)
            print(f"| plan of {redrivable:,} | {planned:.2f} s |")
            print(f"| redrive of {redrivable:,} | {sent:.1f} s ({redrivable / sent:,.0f}/s) |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--letters", type=int, default=100_000)
    parser.add_argument("--redrive", type=int, default=10_000)
    options = parser.parse_args()
    asyncio.run(main(options.letters, options.redrive))
