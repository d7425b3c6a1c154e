"""Ratings a second from Kafka to aggregates, each contestant a process of its own.

    python -m bench.ratings [--events 600000] [--repeat 3] [--only ours,bare] [--json]
    python -m bench.ratings --install      make FastStream's environment in the cache
    python -m bench.ratings --isolation    a question rebalance does not stop the ratings

One real broker, one topic (6 partitions, lz4, keyed by user). Stock Faust, which reads ahead
without bound, has a topic of its own with the first `--slow-events` of it. Times run from the first
event that was taken up to the last that was done (stored, for those that store): starting up is not
counted. The order changes from round to round and each figure is the median of the rounds. The
machine's figures move: compare the ratios; those of CPU seconds move least. What is not installed
is left out, and said so.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import venv
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
from rich.console import Console
from rich.table import Table

from app.adapters.store.postgres.migrate import migrate
from app.chaos.servers.postgres import PostgresServer, start_postgres
from bench.ratings_peers.events import fill
from tests.servers.kafka import start_kafka

ROOT = Path(__file__).resolve().parents[1]
LIMIT_SECONDS = 600
FASTSTREAM = ("faststream[confluent]==0.7.8", "msgspec>=0.18,<1")
err = Console(stderr=True)


@dataclass(frozen=True, slots=True)
class Peer:
    """A contestant: its module in bench.ratings_peers, and what it is in words."""

    module: str
    about: str
    stores: bool = False
    slow: bool = False
    python: str = field(default=sys.executable)


def cached_python() -> Path:
    """Return the interpreter of FastStream's environment, whether it is there or not."""
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(cache) / "answerloop" / "bench-faststream" / "bin" / "python"


def peers() -> dict[str, Peer]:
    return {
        "stock": Peer("stock_faust", "stock Faust: agent and table", slow=True),
        "faststream": Peer(
            "faststream_batch", "FastStream batch, in memory", python=str(cached_python())
        ),
        "bare": Peer("bare_aiokafka", "aiokafka + msgspec + PostgreSQL", stores=True),
        "ours": Peer("ours", "answerloop, without recommendations", stores=True),
        "whole": Peer("whole", "answerloop, whole", stores=True),
    }


def install() -> None:
    """Make FastStream's environment: it needs other versions than the project's lock has."""
    python = cached_python()
    venv.create(python.parents[1], with_pip=True, clear=True)
    subprocess.run([str(python), "-m", "pip", "install", "-q", *FASTSTREAM], check=True)
    err.print(f"installed {FASTSTREAM[0]} in {python.parents[1]}")


async def new_database(server: PostgresServer, name: str) -> str:
    """Make a migrated database of that name; return its DSN."""
    connection = await asyncpg.connect(server.dsn)
    await connection.execute(f'CREATE DATABASE "{name}"')
    await connection.close()
    await migrate(server.dsn_of(name))
    return server.dsn_of(name)


def measure(peer: Peer, bootstrap: str, topic: str, events: int, dsn: str | None) -> dict[str, Any]:
    """Run a contestant to its end; return what it reported."""
    command = [peer.python, "-m", f"bench.ratings_peers.{peer.module}"]
    command += ["--bootstrap", bootstrap, "--topic", topic, "--events", str(events)]
    command += ["--dsn", dsn] if dsn else []
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if not lines:
        raise RuntimeError(f"{peer.module} reported nothing:\n{done.stderr[-3000:]}")
    report: dict[str, Any] = json.loads(lines[-1])
    return report


def rounds(options: argparse.Namespace, chosen: dict[str, Peer]) -> dict[str, list[dict[str, Any]]]:
    """Run every contestant `--repeat` times, in another order each time."""
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in chosen}
    with tempfile.TemporaryDirectory(prefix="answerloop-bench-") as path:
        folder = Path(path)
        folder.chmod(0o755)
        kafka = start_kafka(folder / "kafka")
        postgres = start_postgres(folder / "postgres")
        try:
            err.print(f"writing {options.events:,} ratings ...")
            options.event_bytes = asyncio.run(
                fill(kafka.bootstrap, "ratings", options.events, options.seed)
            )
            few = min(options.events, options.slow_events)
            asyncio.run(fill(kafka.bootstrap, "few-ratings", few, options.seed))
            for turn in range(options.repeat):
                names = list(chosen)
                order = names[turn % len(names) :] + names[: turn % len(names)]
                for name in order:
                    peer = chosen[name]
                    dsn = None
                    if peer.stores:
                        dsn = asyncio.run(new_database(postgres, f"{name}{turn}"))
                    topic = "few-ratings" if peer.slow else "ratings"
                    events = few if peer.slow else options.events
                    report = measure(peer, kafka.bootstrap, topic, events, dsn)
                    found[name].append(report)
                    speed = report["events"] / report["seconds"]
                    err.print(f"round {turn + 1}, {name}: {speed:,.0f}/s", highlight=False)
        finally:
            postgres.close()
            kafka.stop()
    return found


def agreed(found: dict[str, list[dict[str, Any]]]) -> None:
    """Raise when those that aggregated the whole topic do not agree in their figures."""
    all_facts = {
        name: report["agree"]
        for name, reports in found.items()
        for report in reports
        if "agree" in report
    }
    if len({json.dumps(facts, sort_keys=True) for facts in all_facts.values()}) > 1:
        raise RuntimeError(f"the contestants do not agree: {json.dumps(all_facts, indent=1)}")


def figures(found: dict[str, list[dict[str, Any]]]) -> dict[str, dict[str, float]]:
    """Return the median of each contestant, and its ratios to the two that matter."""
    speeds = {
        name: statistics.median(each["events"] / each["seconds"] for each in reports)
        for name, reports in found.items()
        if reports
    }
    cpu = {
        name: statistics.median(each["cpu_seconds"] / each["events"] * 1e6 for each in reports)
        for name, reports in found.items()
        if reports
    }
    return {
        name: {
            "events_per_second": round(speed),
            "cpu_microseconds": round(cpu[name], 2),
            **{
                f"ratio_to_{other}": round(speed / speeds[other], 3)
                for other in ("stock", "bare")
                if other in speeds
            },
        }
        for name, speed in speeds.items()
    }


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=600_000)
    parser.add_argument("--slow-events", type=int, default=40_000, help="of stock Faust")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", help=f"some of {','.join(peers())}")
    parser.add_argument("--install", action="store_true", help="FastStream, into the cache")
    parser.add_argument("--isolation", action="store_true")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def main() -> None:
    options = parsed()
    if options.install:
        install()
        return
    if options.isolation:
        from bench.ratings_isolation import main as isolation

        isolation(as_json=options.json)
        return
    chosen = peers()
    if options.only:
        chosen = {name: chosen[name] for name in options.only.split(",")}
    skipped = [name for name, peer in chosen.items() if not Path(peer.python).exists()]
    for name in skipped:
        err.print(f"{name} is left out: python -m bench.ratings --install")
        del chosen[name]
    found = rounds(options, chosen)
    agreed(found)
    report(options, chosen, figures(found), skipped)


def report(
    options: argparse.Namespace,
    chosen: dict[str, Peer],
    rows: dict[str, dict[str, float]],
    skipped: list[str],
) -> None:
    """Print the figures as a table, or as JSON."""
    if options.json:
        about = {
            "events": options.events,
            "slow_events": options.slow_events,
            "event_bytes": round(options.event_bytes, 1),
            "repeat": options.repeat,
            "python": platform.python_version(),
            "skipped": skipped,
        }
        print(json.dumps({**about, "results": rows}, indent=2))
        return
    table = Table(
        title=f"{options.events:,} ratings of {options.event_bytes:.0f} bytes, one worker,"
        f" median of {options.repeat}"
    )
    table.add_column("who")
    for column in ("ratings/s", "CPU us each", "to stock Faust", "to bare loop"):
        table.add_column(column, justify="right")
    for name, row in rows.items():
        ratios = [row.get(f"ratio_to_{other}") for other in ("stock", "bare")]
        table.add_row(
            chosen[name].about,
            f"{row['events_per_second']:,}",
            str(row["cpu_microseconds"]),
            *("-" if ratio is None else f"{ratio:.2f}x" for ratio in ratios),
        )
    Console().print(table)


if __name__ == "__main__":
    main()
