"""Runs the product's ratings app as a worker does, with a stopwatch at its two ends."""

from __future__ import annotations

import asyncio
import os
import sys
from argparse import Namespace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from agents.ratings.context import RatingsLimits
from app.adapters.clock import SystemClock
from app.adapters.no_recommender import NoRecommender
from app.adapters.store.postgres.ratings import PostgresRatingStore
from app.core.ratings.changes import Changes
from app.factory.ratings import create_ratings_app
from app.loop import run as run_loop
from app.opening import open_recommender
from app.ports.ratings import RatingPorts
from app.settings import load_settings
from app.wire.ratings import RatingReader
from bench.ratings_peers.stopwatch import Stopwatch, arguments

NEVER = 1e6


class TimedStore(PostgresRatingStore):
    """Counts the events that are stored."""

    def __init__(self, dsn: str, watch: Stopwatch) -> None:
        super().__init__(dsn)
        self._watch = watch
        self.finished = asyncio.Event()

    async def save(self, changes: Changes) -> bool:
        saved = await super().save(changes)
        if saved:
            self._watch.add(changes.next_offset - changes.from_offset)
            if self._watch.done:
                self.finished.set()
        return saved


class TimedReader:
    """Starts the watch when the first chunk is taken up."""

    def __init__(self, watch: Stopwatch) -> None:
        read_all = RatingReader.read_all

        def timed(reader: RatingReader, records: Any) -> Any:
            watch.begin()
            return read_all(reader, records)

        RatingReader.read_all = timed  # type: ignore[method-assign]


def main(*, recommends: bool) -> None:
    """Run until every event is stored; without recommendations nobody's turn for them comes."""
    options = arguments()
    with TemporaryDirectory() as folder:
        run_loop(_run(options, Path(folder), recommends))


async def _run(options: Namespace, folder: Path, recommends: bool) -> None:
    settings = load_settings(
        broker=f"kafka://{options.bootstrap}",
        database=options.dsn,
        app_id=options.group,
        data_dir=folder,
        pipelines="ratings",
        log_level="warning",
    )
    watch = Stopwatch(options.events)
    TimedReader(watch)
    store = TimedStore(options.dsn, watch)
    recommender = open_recommender(settings) if recommends else NoRecommender()
    limits = RatingsLimits() if recommends else RatingsLimits(recommend_seconds=NEVER)
    app = create_ratings_app(settings, RatingPorts(store, recommender, SystemClock()), limits)
    await app.start()
    await store.finished.wait()
    stats = await store.stats()
    totals = stats.totals
    halves = sum(h * n for h, n in enumerate(totals.by_halves))
    agree = {
        "valid": totals.valid,
        "duplicate": totals.duplicate,
        "stale": totals.stale,
        "users": totals.users,
        "movies": stats.movies,
        "sum_halves": halves,
    }
    watch.report(agree=agree)
    sys.stdout.flush()
    os._exit(0)
