"""The runs of `bench.tracing_cost`, all in one process, and the collector of another.

Everything else is in memory (log, store, model, scorer), so that little but the pipeline itself is
counted: a real broker and database take more for each question, and make tracing's share smaller.
"""

from __future__ import annotations

import asyncio
import http.server
import os
import random
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import uuid4

from agents.waits import Draining
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
from app.metrics import Metrics
from app.ports import Ports
from app.ports.ratings import RatingPorts
from app.service.outside import prepare_topics
from app.settings import RATINGS, Settings, load_settings
from app.tracing import NO_TRACING, Tracing
from app.tracing.opening import open_tracing
from app.tracing.spans import OtelTracing
from app.transports import NewRecord, close_storage, storage_for
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


@dataclass(frozen=True, slots=True)
class Arm:
    """A way to run, beside traces that are off."""

    name: str
    sampler: str | None = None
    histograms: bool = True

    def tracing(self, context: Any, url: str) -> Tracing:
        """Return the tracing of an arm, with a sampler of its own."""
        if self.sampler is None:
            return NO_TRACING
        with _sampled(self.sampler):
            return open_tracing(
                load_settings(otel_endpoint=url),
                context.metrics,
                context.log,
                now=context.now,
                owner="bench",
                given_back=Draining,
            )


OFF = Arm("off")
ALL = Arm("all", "parentbased_always_on")
BARE = Arm("off, no histograms", histograms=False)
ARMS = (OFF, Arm("one in a hundred", "parentbased_traceidratio"), ALL, BARE)
#: A thousand ratings have less than one span: one in a hundred of them is not measurable.
RATING_ARMS = (OFF, ALL, BARE)
Round = dict[str, dict[str, float]]


@contextmanager
def _sampled(sampler: str) -> Iterator[None]:
    share = "0.01" if "ratio" in sampler else "1"
    chosen = {"OTEL_TRACES_SAMPLER": sampler, "OTEL_TRACES_SAMPLER_ARG": share}
    before = {name: os.environ.get(name) for name in chosen}
    os.environ.update(chosen)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def _histograms(filled: bool) -> Iterator[None]:
    """Leave out what fills histograms, unless they are to be filled."""
    kept = {name: getattr(Metrics, name) for name in ("observe", "observe_all")}
    if not filled:
        for name in kept:
            setattr(Metrics, name, _nothing)
    try:
        yield
    finally:
        for name, method in kept.items():
            setattr(Metrics, name, method)


def _nothing(*_: Any, **__: Any) -> None: ...


class Questions:
    """A pipeline whose tracing changes between batches of questions."""

    def __init__(self, url: str) -> None:
        ports = Ports(
            model=ScriptedModel(lambda _: ANSWER),
            scorer=OverlapScorer(),
            store=MemoryStore(),
            cache=MemoryCache(),
            clock=SystemClock(),
        )
        self.app: Any = create_app(_settings(), ports)
        self._url = url
        self._tracings: dict[str, Tracing] = {}

    async def __aenter__(self) -> Questions:
        await self.app.start()
        context = self.app.context
        self._tracings = {arm.name: arm.tracing(context, self._url) for arm in ARMS}
        return self

    async def __aexit__(self, *_: object) -> None:
        self.app.context.tracing = NO_TRACING
        for tracing in self._tracings.values():
            await tracing.close()
        await self.app.stop()

    async def run(self, arm: Arm, count: int) -> dict[str, float]:
        """Have so many questions answered; return milliseconds and spans of one."""
        metrics, tracing = self.app.context.metrics, self._tracings[arm.name]
        self.app.context.tracing = tracing
        sent, lost = metrics.total("trace_spans_sent"), metrics.total("trace_spans_dropped")
        with _histograms(arm.histograms):
            before = time.process_time()
            await _ask(self.app, count)
            await _all_is_out(tracing)
            used = time.process_time() - before
        return {
            "ms": used / count * 1e3,
            "spans": (metrics.total("trace_spans_sent") - sent) / count,
            "dropped": metrics.total("trace_spans_dropped") - lost,
        }

    async def off(self) -> dict[str, float]:
        """Return how often a question asks tracing that is off, and what that takes."""
        self.app.context.tracing = counting = Counting()
        await _ask(self.app, COUNTED)
        self.app.context.tracing = NO_TRACING
        us = sum(n * _off_us(name) for name, n in counting.calls.items())
        return {"off_us": us / COUNTED, "off_calls": counting.calls.total() / COUNTED}


async def _all_is_out(tracing: Tracing) -> None:
    """Have the batch's last messages worked on, and its last spans sent: they cost, too."""
    await asyncio.sleep(0.2)
    if isinstance(tracing, OtelTracing):
        await asyncio.to_thread(tracing._tracer.span_processor.force_flush)  # type: ignore[attr-defined]


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


async def ratings(arm: Arm, count: int, url: str) -> dict[str, float]:
    """Have so many ratings added up by a new pipeline; return milliseconds and spans of one."""
    settings = _settings()
    await prepare_topics(settings, (RATINGS,))
    chance, log = random.Random(5), storage_for(settings.broker)
    app = create_ratings_app(
        settings, RatingPorts(MemoryRatingStore(), NoRecommender(), SystemClock())
    )
    context = app.context
    for number in range(count):
        user, movie = chance.randint(1, 100_000), chance.randint(1, 100_000)
        rating = Rating(user, movie, chance.randint(1, 10) / 2, 1_761_763_121_809 + number)
        key, topic = rating_key(user), context.names.ratings
        place = log.partition_for(topic, key)
        await log.append(NewRecord(topic, place, key, encode_rating(*rating)))
    tracing = arm.tracing(context, url)
    with _histograms(arm.histograms):
        before = time.process_time()
        await app.start()
        context.tracing = tracing  # nothing is read before the loop has a turn
        async with asyncio.timeout(120):
            while sum(log.committed(app.conf.id).values()) < count:
                await asyncio.sleep(0.05)
        await _all_is_out(tracing)
        used = time.process_time() - before
    context.tracing = NO_TRACING
    await app.stop()
    await tracing.close()
    close_storage(settings.broker)
    metrics = context.metrics
    return {
        "ms": used / count * 1e3,
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


def _settings() -> Settings:
    return load_settings(
        broker=f"memory://{uuid4().hex}",
        database="memory:",
        scorer="memory:",
        http_port=0,
        deadline_seconds=0.0,
    )


async def measure(url: str, counts: tuple[int, int], rounds: int, seconds: float) -> dict[str, Any]:
    """Run rounds of all arms until the time is over: of `counts` questions and ratings each."""
    found: dict[str, Any] = {"questions": [], "ratings": []}
    half = seconds / 2
    async with Questions(url) as pipeline:
        await pipeline.run(ALL, WARM_UP)
        found["off"] = await pipeline.off()
        async for arms in _turns(ARMS, rounds, half):
            found["questions"].append({a.name: await pipeline.run(a, counts[0]) for a in arms})
    await ratings(OFF, max(1, counts[1] // 10), url)
    async for arms in _turns(RATING_ARMS, rounds, half):
        found["ratings"].append({a.name: await ratings(a, counts[1], url) for a in arms})
    return found


async def _turns(arms: Sequence[Arm], rounds: int, seconds: float) -> AsyncIterator[list[Arm]]:
    """Yield the arms, in an order that turns, until there is no time for another round."""
    began = time.monotonic()
    for number in range(rounds):
        gone = time.monotonic() - began
        if number and gone + gone / number > seconds:
            return
        first = number % len(arms)
        yield [*arms[first:], *arms[:first]]


def main() -> None:
    collect()


if __name__ == "__main__":
    main()
