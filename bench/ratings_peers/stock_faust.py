"""Stock Faust as its documentation shows it: a Record, an agent, a table.

Faust's own Kafka transport and consumer. The table is keyed by movie and written in place; no
repartitioning by movie comes before it, which would cost a second topic.
"""

from __future__ import annotations

import asyncio
import logging
import os
import tempfile
from pathlib import Path
from typing import Any

import faust

from bench.ratings_peers.stopwatch import Stopwatch, arguments


class Rating(faust.Record, validation=True):
    userId: int  # noqa: N815
    movieId: int  # noqa: N815
    rating: float
    timestamp: int


def main() -> None:
    logging.disable(logging.WARNING)  # its warnings about slow commits would cost it time
    options = arguments()
    watch = Stopwatch(options.events)
    finished = asyncio.Event()
    app = faust.App(
        options.group,
        broker=f"kafka://{options.bootstrap}",
        value_serializer="json",
        consumer_auto_offset_reset="earliest",
        topic_partitions=6,
        web_enabled=False,
        store="memory://",
        datadir=str(Path(tempfile.gettempdir()) / "answerloop-bench"),
    )
    ratings = app.topic(options.topic, value_type=Rating)
    movies = app.Table("movies", default=list, partitions=6)

    @app.agent(ratings)
    async def rate(stream: Any) -> None:
        async for rating in stream:
            watch.begin()
            count, total = movies[rating.movieId] or (0, 0.0)
            movies[rating.movieId] = [count + 1, total + rating.rating]
            watch.add(1)
            if watch.done:
                finished.set()

    async def run() -> None:
        app.finalize()
        await app.start()
        await finished.wait()
        watch.report()
        os._exit(0)  # a stop in good order is not what is measured

    asyncio.run(run())


if __name__ == "__main__":
    main()
