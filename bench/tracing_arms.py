"""One run of `bench.tracing_cost`, in a process of its own: what it used of the processor.

    python -m bench.tracing_arms questions|ratings [--count N] [--collector URL] [--no-histograms]
    python -m bench.tracing_arms collect    a collector that takes all, and reads none

Everything else is in memory (log, store, model, scorer), so that little but the pipeline itself is
counted: a real broker and database take more for each question, and make tracing's share smaller.
"""

from __future__ import annotations

import argparse
import asyncio
import http.server
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import uuid4

from app.adapters.cache.memory import MemoryCache
from app.adapters.clock import SystemClock
from app.adapters.llm.memory import ScriptedModel
from app.adapters.no_recommender import NoRecommender
from app.adapters.scorer.memory import OverlapScorer
from app.adapters.store.memory import MemoryStore
from app.adapters.store.rating_memory import MemoryRatingStore
from app.core.ratings.events import Rating
from app.factory import create_app, create_ratings_app
from app.intake import Intake, NewQuestion
from app.logs import configure_logging
from app.loop import run as run_loop
from app.metrics import Metrics
from app.ports import Ports
from app.ports.ratings import RatingPorts
from app.service.outside import prepare_topics
from app.settings import RATINGS, Settings, load_settings
from app.tracing import NO_TRACING
from app.transports import NewRecord, storage_for
from app.wire.ratings import encode_rating, rating_key

IN_FLIGHT = 64
WARM_UP = 200
COUNTED = 100
ANSWER = "Santiago es la capital de Chile."


class Counting:
    """Tracing that is off, and counts what is asked of it."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Any:
        self.calls[name] += 1
        return getattr(NO_TRACING, name)


async def questions(settings: Settings, count: int) -> dict[str, float]:
    """Have so many questions answered; return milliseconds and spans of one."""
    ports = Ports(
        model=ScriptedModel(lambda _: ANSWER),
        scorer=OverlapScorer(),
        store=MemoryStore(),
        cache=MemoryCache(),
        clock=SystemClock(),
    )
    app = create_app(settings, ports)
    await app.start()
    try:
        await _ask(app, WARM_UP)
        before = time.process_time()
        await _ask(app, count)
        await _spans_are_out(app)
        used = time.process_time() - before
        found = {"ms": used / count * 1e3, **_spans(app, count + WARM_UP)}
        if settings.otel_endpoint is None:
            app.context.tracing = counting = Counting()
            await _ask(app, COUNTED)
            app.context.tracing = NO_TRACING
            found["off_us"] = sum(n * _off_us(name) for name, n in counting.calls.items()) / COUNTED
            found["off_calls"] = counting.calls.total() / COUNTED
        return found
    finally:
        await app.stop()


async def _ask(app: Any, count: int) -> None:
    intake, room = Intake(app.context, 0.0), asyncio.Semaphore(IN_FLIGHT)

    async def one() -> None:
        new = NewQuestion(f"¿Cuál es la capital de Chile? {uuid4()}", ANSWER)
        async with room:
            taken = await intake.take(new, source="run", will_wait=True)
            stored = await intake.wait(taken, 60.0)
            if stored is None or not stored.status.final:
                raise RuntimeError("a question was not answered within a minute")

    await asyncio.gather(*(one() for _ in range(count)))


async def ratings(settings: Settings, count: int) -> dict[str, float]:
    """Have so many ratings added up; return microseconds of one, and spans of a thousand."""
    await prepare_topics(settings, (RATINGS,))
    chance, log = random.Random(5), storage_for(settings.broker)
    ports = RatingPorts(MemoryRatingStore(), NoRecommender(), SystemClock())
    app = create_ratings_app(settings, ports)
    topic = app.context.names.ratings
    for number in range(count):
        user, movie = chance.randint(1, 100_000), chance.randint(1, 100_000)
        rating = Rating(user, movie, chance.randint(1, 10) / 2, 1_761_763_121_809 + number)
        key = rating_key(user)
        place = log.partition_for(topic, key)
        await log.append(NewRecord(topic, place, key, encode_rating(*rating)))
    before = time.process_time()
    await app.start()
    try:
        async with asyncio.timeout(120):
            while sum(log.committed(app.conf.id).values()) < count:
                await asyncio.sleep(0.05)
        await _spans_are_out(app)
        used = time.process_time() - before
        found = {"ms": used / count * 1e3, **_spans(app, count)}
    finally:
        await app.stop()
    return found


async def _spans_are_out(app: Any) -> None:
    """Have the last spans sent: their cost is counted too."""
    tracing, app.context.tracing = app.context.tracing, NO_TRACING
    await tracing.close()


def _spans(app: Any, count: int) -> dict[str, float]:
    metrics = app.context.metrics
    return {
        "spans": metrics.total("trace_spans_sent") / count,
        "dropped": metrics.total("trace_spans_dropped"),
    }


def _off_us(name: str, times: int = 20_000) -> float:
    """Return the microseconds of one call that asks nothing of tracing."""
    found = getattr(NO_TRACING, name)
    if not callable(found):
        return 0.02
    call: Callable[[], Any] = partial(found, "key")
    if name == "note":
        call = partial(found, "key", {})
    began = time.process_time()
    for _ in range(times):
        made = call()
        if hasattr(made, "__enter__"):
            with made:
                pass
    return (time.process_time() - began) / times * 1e6


def no_histograms() -> None:
    """Leave out what fills histograms."""

    def nothing(*_: Any, **__: Any) -> None: ...

    for name in ("observe", "observe_all"):
        setattr(Metrics, name, nothing)


class Taking(http.server.BaseHTTPRequestHandler):
    """Says yes to every batch of spans."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None: ...


def collect() -> None:
    """Print the address, and take spans until the process is ended."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Taking) as server:
        sys.stdout.write(f"http://127.0.0.1:{server.server_port}\n")
        sys.stdout.flush()
        server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("questions", "ratings", "collect"))
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--collector")
    parser.add_argument("--no-histograms", action="store_true")
    options = parser.parse_args()
    if options.what == "collect":
        collect()
        return
    if options.no_histograms:
        no_histograms()
    configure_logging("console", "warning")
    settings = load_settings(
        broker=f"memory://{uuid4().hex}",
        database="memory:",
        scorer="memory:",
        http_port=0,
        deadline_seconds=0.0,
        otel_endpoint=options.collector,
    )
    run = questions if options.what == "questions" else ratings
    found = run_loop(run(settings, options.count))
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
