"""Topics in the dashboard: how long each view takes, how fast a search is, what it costs others.

    python -m bench.dashboard_topics [--messages 200000] [--runs 3] [--json]

An embedded log of a topic with 8 partitions is filled; the views are asked by HTTP, each 20 times.
Then all messages are searched for a text that is nowhere, piece after piece as the page does it,
while a task in the same event loop, where a pipeline would be, measures by how much it is late.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp.test_utils import TestServer

from app.adapters.cache.memory import MemoryCache
from app.adapters.clock import SystemClock
from app.adapters.llm.memory import ScriptedModel
from app.adapters.scorer.memory import OverlapScorer
from app.adapters.store.memory import MemoryStore
from app.factory import create_app
from app.ports import Ports
from app.settings import Settings, load_settings
from app.topics import all_topics, topic_names
from app.transports import NewRecord
from app.transports.embedded.sqlite import SqliteStorage
from app.web.server import make_web_app

ASKED = 20
AT_ONCE = 5000
PAUSE_SECONDS = 0.005
_VALUE = (
    '{"type":"answerloop.LlmRequest","question_id":"q%d","question_text":"Question number %d of the'
    ' archive: what is the capital of its province, and since when?","model":"bench",'
    '"accepted_at":1795661542.5,"original_answer":"It is the town, since always.","metadata":{},'
    '"round":0,"generation":1,"attempt":1,"best":null,"first_called_at":null,"deadline_seconds":0,'
    '"rejected_by":null,"waited_seconds":0}'
)


async def fill(log: SqliteStorage, topic: str, messages: int) -> None:
    """Put requests on a topic, each on the partition of its key."""
    for begin in range(0, messages, AT_ONCE):
        sent = []
        for n in range(begin, min(messages, begin + AT_ONCE)):
            key, value = b"q%d" % n, (_VALUE % (n, n)).encode()
            sent.append(log.append(NewRecord(topic, log.partition_for(topic, key), key, value)))
        await asyncio.gather(*sent)


@asynccontextmanager
async def served(settings: Settings) -> AsyncIterator[tuple[aiohttp.ClientSession, str]]:
    """Serve the views of a log on which no stage runs."""
    model, store = ScriptedModel(lambda _: ""), MemoryStore()
    app = create_app(settings, Ports(model, OverlapScorer(), store, MemoryCache(), SystemClock()))
    async with (
        TestServer(make_web_app(app.context, settings)) as server,
        aiohttp.ClientSession() as session,
    ):
        yield session, str(server.make_url("")).rstrip("/")


async def get(session: aiohttp.ClientSession, url: str) -> Any:
    async with session.get(url) as response:
        assert response.status == 200, await response.text()
        return await response.json()


async def views(session: aiohttp.ClientSession, url: str, topic: str) -> dict[str, Any]:
    """Return the milliseconds of each view: median and longest."""
    paths = {
        "topics": "",
        "one topic": f"/{topic}",
        "newest messages": f"/{topic}/messages",
        "messages from a time": f"/{topic}/messages?from_time=1m",
        "one message": f"/{topic}/0/7",
        "a key, in its partition": f"/{topic}/messages?key=q7",
    }
    found = {}
    for name, path in paths.items():
        taken = []
        for _ in range(ASKED):
            started = time.perf_counter()
            await get(session, f"{url}/ui/api/topics{path}")
            taken.append((time.perf_counter() - started) * 1000)
        found[name] = {"median": statistics.median(taken), "longest": max(taken)}
    return found


async def search(session: aiohttp.ClientSession, url: str, topic: str) -> dict[str, float]:
    """Look through the whole topic; return messages a second, and how late others were (ms)."""
    late: list[float] = []

    async def others() -> None:
        while True:
            started = time.perf_counter()
            await asyncio.sleep(PAUSE_SECONDS)
            late.append((time.perf_counter() - started - PAUSE_SECONDS) * 1000)

    path = f"{url}/ui/api/topics/{topic}/messages?filter=question_text~nowhere"
    task, started = asyncio.create_task(others()), time.perf_counter()
    looked, requests, longest, place = 0, 0, 0.0, ""
    while True:
        asked = time.perf_counter()
        page = await get(session, path + place)
        longest = max(longest, time.perf_counter() - asked)
        looked, requests, place = looked + page["looked"], requests + 1, f"&before={page['low']}"
        if not page["older"]:
            break
    seconds = time.perf_counter() - started
    task.cancel()
    cuts = statistics.quantiles(late, n=100)
    return {
        "messages": looked,
        "requests": requests,
        "per_second": looked / seconds,
        "longest_request_seconds": longest,
        "late_ms_median": cuts[49],
        "late_ms_p99": cuts[98],
        "late_ms_longest": max(late),
    }


async def measure(messages: int, runs: int) -> dict[str, Any]:
    """Return the figures; of the searches that with the median rate."""
    with tempfile.TemporaryDirectory() as folder:
        settings = load_settings(
            _env_file=None,
            broker="log:",
            data_dir=Path(folder),
            database="memory:",
            scorer="memory:",
            partitions=8,
        )
        topic = topic_names(settings).llm_requests
        log = await asyncio.to_thread(SqliteStorage, Path(folder) / "log")
        for spec in all_topics(settings):
            log.create_topic(spec.name, spec.partitions, spec.config)
        await fill(log, topic, messages)
        try:
            async with served(settings) as (session, url):
                asked = await views(session, url, topic)
                searches = [await search(session, url, topic) for _ in range(runs)]
        finally:
            await asyncio.to_thread(log.close)
    searches.sort(key=lambda each: each["per_second"])
    return {"views_ms": asked, "search": searches[len(searches) // 2]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--messages", type=int, default=200_000)
    parser.add_argument("--runs", type=int, default=3, help="searches; the median one is told")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = asyncio.run(measure(options.messages, options.runs))
    if options.json:
        print(json.dumps(found, indent=2))
        return
    for name, each in found["views_ms"].items():
        print(f"{name:28} median {each['median']:7.1f} ms, longest {each['longest']:7.1f} ms")
    for name, value in found["search"].items():
        print(f"search: {name:28} {value:,.2f}")


if __name__ == "__main__":
    main()
