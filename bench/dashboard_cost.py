"""What open dashboards cost the pipeline, in pairs of runs without and with them: A B, B A, A B ...

The pages are those of a person who has several tabs open: each listens to `/live` and reads its
view as often as the page does, from a process of its own. A run is a batch of new questions on the
embedded log. Of each pair the difference of the throughput, which what else the machine does moves
too, and of the processor time of engine and database for a question, which is steadier. Before, an
idle engine for some seconds without and with them: the processor time they take by themselves.
"""

from __future__ import annotations

import asyncio
import os
import random
import statistics
import sys
import time
from collections.abc import Sequence
from math import comb
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp

from app.cli.engine import LocalAsker
from app.factory import PipelineApp
from app.intake import NewQuestion
from app.settings import Settings

IN_FLIGHT = 64
IDLE_SECONDS = 6.0
LEAST_PAIRS = 3
#: View and seconds between two readings, as the pages have them; one for each open page in turn.
VIEWS = (
    ("/ui/api/questions", 2.0),
    ("/ui/api/system", 3.0),
    ("/ui/api/quality?range=day", 5.0),
    ("/ui/api/groups", 3.0),
    ("/ui/api/retries", 2.0),
    ("/ui/api/topics", 4.0),
)


class Run(NamedTuple):
    """Questions a second, and the processor time of one in milliseconds."""

    rate: float
    processor_ms: float


class Cost:
    """Measures a running engine."""

    def __init__(
        self, app: PipelineApp, settings: Settings, url: str, *, batch: int, pages: int
    ) -> None:
        self._app, self._settings, self._url = app, settings, url
        self._batch, self._pages = batch, pages

    async def measure(self, seconds: float) -> dict[str, Any]:
        """Return the figures of as many pairs as there is time for."""
        looking = await Looking.start(self._url, self._pages)
        try:
            idle = [await self._idle(looking, open_=open_) for open_ in (False, True)]
            await self._run(self._batch)  # warm
            pairs: list[tuple[Run, Run]] = []
            until = time.monotonic() + seconds
            while time.monotonic() < until or len(pairs) < LEAST_PAIRS:
                runs: dict[bool, Run] = {}
                for open_ in (False, True) if len(pairs) % 2 == 0 else (True, False):
                    await looking.switch(open_)
                    runs[open_] = await self._run(self._batch)
                pairs.append((runs[False], runs[True]))
        finally:
            await looking.close()
        return {
            "pages": self._pages,
            "pairs": len(pairs),
            "idle_processor_share": {"without": idle[0], "with": idle[1]},
            "questions_per_second": compared([(a.rate, b.rate) for a, b in pairs]),
            "processor_ms": compared([(a.processor_ms, b.processor_ms) for a, b in pairs]),
        }

    async def _idle(self, looking: Looking, *, open_: bool) -> float:
        """Return which share of one processor an engine uses that has nothing to do."""
        await looking.switch(open_)
        await asyncio.sleep(3)
        used = processor_seconds(self._settings)
        started = time.monotonic()
        await asyncio.sleep(IDLE_SECONDS)
        return (processor_seconds(self._settings) - used) / (time.monotonic() - started)

    async def _run(self, questions: int) -> Run:
        """Answer new questions."""
        asker = LocalAsker(self._app, self._settings)
        places = asyncio.Semaphore(IN_FLIGHT)
        tag = random.randrange(10**9)

        async def one(n: int) -> None:
            async with places:
                taken = await asker.submit(NewQuestion(f"Batch {tag}, question {n}?", None, {}))
                await asker.wait(taken["question_id"], 60)

        started, used = time.perf_counter(), processor_seconds(self._settings)
        await asyncio.gather(*(one(n) for n in range(questions)))
        seconds = time.perf_counter() - started
        used = processor_seconds(self._settings) - used
        return Run(questions / seconds, used / questions * 1000)


class Looking:
    """The process of the open pages, which are closed and opened when told."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, url: str, pages: int) -> Looking:
        command = (sys.executable, "-m", "bench.dashboard_cost", url, str(pages))
        pipe = asyncio.subprocess.PIPE
        return cls(await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe))

    async def switch(self, open_: bool) -> None:
        """Open or close the pages, and return once each has read its view."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(b"open\n" if open_ else b"close\n")
        await self._process.stdout.readline()

    async def close(self) -> None:
        self._process.kill()
        await self._process.wait()


async def look(url: str, pages: int) -> None:
    """Be the open pages, as told by lines on standard input, until its end."""

    async def listen(session: aiohttp.ClientSession) -> None:
        async with session.get(f"{url}/live") as response:
            async for _ in response.content:
                pass

    async def read(session: aiohttp.ClientSession, path: str, every: float) -> None:
        while True:
            await once(session, path)
            await asyncio.sleep(every)

    async def once(session: aiohttp.ClientSession, path: str) -> None:
        async with session.get(url + path) as response:
            await response.read()

    tasks: list[asyncio.Task[None]] = []
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None)) as session:
        while word := (await asyncio.to_thread(sys.stdin.readline)).strip():
            for task in tasks:
                task.cancel()
            tasks.clear()
            if word == "open":
                for path, every in (VIEWS[n % len(VIEWS)] for n in range(pages)):
                    await once(session, path)
                    tasks.append(asyncio.create_task(read(session, path, every)))
                    tasks.append(asyncio.create_task(listen(session)))
            print(word, flush=True)


def compared(pairs: Sequence[tuple[float, float]]) -> dict[str, Any]:
    """Return the medians, and the median change with its interval."""
    changes = sorted(after / before - 1 for before, after in pairs)
    rank = median_rank(len(changes))
    return {
        "without": statistics.median(before for before, _ in pairs),
        "with": statistics.median(after for _, after in pairs),
        "change": statistics.median(changes),
        "interval": [changes[rank], changes[-1 - rank]],
        "changes": changes,
    }


def median_rank(count: int) -> int:
    """Return the rank (from 0) whose value and its mirror hold the median in 95 of 100 cases.

    Of fewer than six values all lie between, and hold it more seldom.
    """
    below, rank = 0, 0
    while rank < (count - 1) // 2 and (below + comb(count, rank)) / 2**count <= 0.025:
        below += comb(count, rank)
        rank += 1
    return max(0, rank - 1)


def processor_seconds(settings: Settings) -> float:
    """Return what this process and the database server have used so far."""
    [file] = (settings.data_dir / "postgres").rglob("postmaster.pid")
    postmaster = int(file.read_text().split()[0])
    ticks = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended
        if folder.name == str(postmaster):
            ticks += sum(map(int, fields[11:15]))  # with those of its children that ended
        elif fields[1] == str(postmaster):
            ticks += sum(map(int, fields[11:13]))
    return time.process_time() + ticks / os.sysconf("SC_CLK_TCK")


def report_cost(cost: dict[str, Any]) -> None:
    """Print the figures as tables."""
    idle = cost["idle_processor_share"]
    print(f"| {cost['pairs']} pairs of runs | without | with {cost['pages']} | change (95 %) |")
    print("|---|---|---|---|")
    for name, key in (
        ("questions a second", "questions_per_second"),
        ("processor ms a question", "processor_ms"),
    ):
        row = cost[key]
        low, high = row["interval"]
        print(
            f"| {name} | {row['without']:.1f} | {row['with']:.1f} "
            f"| {row['change']:+.1%} ({low:+.1%} to {high:+.1%}) |"
        )
    print(f"| idle: share of one processor | {idle['without']:.1%} | {idle['with']:.1%} | |")


if __name__ == "__main__":
    asyncio.run(look(sys.argv[1], int(sys.argv[2])))
