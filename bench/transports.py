"""Messages a second through each transport, beside Faust's own Kafka consumer.

    python -m bench.transports [--messages 20000] [--kafka host:9092] [--only memory,log] [--json]

`read`: one agent reads a filled topic. `chain`: an agent, 16 at a time, passes each message on
and awaits the confirmation; a second agent reads it. `packed`: one agent reads chunks of 500.
`append`: 2,000 sends at once, all confirmed. Without `--kafka` a broker is started if there is
what one needs (tests/servers/kafka.py).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from app.transports import (
    NewRecord,
    StreamApp,
    TopicPlan,
    close_storage,
    log_url,
    register,
    storage_for,
)
from tests.transports.harness import RawSchema

PARTITIONS = 4
VALUE = b'{"question_id": "0190c5b2-7d4e-7a31-9e0b-000000000000", "text": "' + b"x" * 200 + b'"}'
SCENARIOS = ("append", "read", "chain", "packed")


class Progress:
    """When the first message reached an agent, and how many have come out at the end."""

    def __init__(self) -> None:
        self.began: float | None = None
        self.count = 0

    def begin(self) -> None:
        if self.began is None:
            self.began = time.perf_counter()


def make_app(url: str, names: dict[str, str], scenario: str) -> tuple[StreamApp, Progress]:
    """The app of one scenario, and how far it has come."""
    app = StreamApp(
        f"bench-{uuid.uuid4().hex[:8]}",
        broker=url,
        store="memory://",
        datadir=str(Path(tempfile.gettempdir()) / "answerloop-bench"),
        web_enabled=False,
        topic_partitions=PARTITIONS,
        broker_commit_interval=1.0,
        broker_request_timeout=60.0,
        broker_max_poll_records=500,
        topic_plans={names["in"]: TopicPlan(packed=scenario == "packed", max_records=500)},
    )
    app.finalize()
    source = app.topic(names["in"], schema=RawSchema())
    onward = app.topic(
        names["out"], schema=RawSchema(), key_serializer="raw", value_serializer="raw"
    )
    progress = Progress()

    async def read(stream: Any) -> None:
        async for _ in stream:
            progress.begin()
            progress.count += 1

    async def read_chunks(stream: Any) -> None:
        async for chunk in stream:
            progress.begin()
            progress.count += len(chunk)

    async def pass_on(stream: Any) -> None:
        async for event in stream.events():
            progress.begin()
            await (await onward.send(key=event.message.key, value=event.value))

    if scenario == "chain":
        app.agent(source, concurrency=16)(pass_on)
        app.agent(onward)(read)
    else:
        app.agent(source)(read_chunks if scenario == "packed" else read)
    return app, progress


async def measure(
    url: str, scenario: str, messages: int, fill: Callable[[dict[str, str]], Awaitable[None]]
) -> float:
    """Messages a second, from the first that reached an agent to the last that came out."""
    run = uuid.uuid4().hex[:8]
    names = {"in": f"bench-in-{run}", "out": f"bench-out-{run}"}
    await fill(names)
    app, progress = make_app(url, names, scenario)
    await app.start()
    try:
        while progress.count < messages:
            await asyncio.sleep(0.002)
        assert progress.began is not None
        return messages / (time.perf_counter() - progress.began)
    finally:
        await app.stop()


async def bench_embedded(url: str, messages: int) -> dict[str, float]:
    storage = storage_for(url)

    async def fill(names: dict[str, str]) -> None:
        for name in names.values():
            storage.create_topic(name, PARTITIONS)
        for begin in range(0, messages, 2000):
            numbers = range(begin, min(messages, begin + 2000))
            sends = [
                storage.append(NewRecord(names["in"], n % PARTITIONS, b"%d" % n, VALUE))
                for n in numbers
            ]
            await asyncio.gather(*sends)

    started = time.perf_counter()
    await fill({"in": "append", "out": "append-out"})
    found = {"append": messages / (time.perf_counter() - started)}
    for scenario in SCENARIOS[1:]:
        found[scenario] = await measure(url, scenario, messages, fill)
    close_storage(url)
    return found


async def bench_kafka(bootstrap: str, scheme: str, messages: int) -> dict[str, float]:
    from aiokafka import AIOKafkaProducer
    from aiokafka.admin import AIOKafkaAdminClient, NewTopic

    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    await admin.start()
    await producer.start()
    appended = 0.0

    async def fill(names: dict[str, str]) -> None:
        nonlocal appended
        await admin.create_topics([NewTopic(name, PARTITIONS, 1) for name in names.values()])
        await producer.partitions_for(names["in"])
        started = time.perf_counter()
        for begin in range(0, messages, 2000):
            numbers = range(begin, min(messages, begin + 2000))
            sends = [
                await producer.send(names["in"], VALUE, key=b"%d" % n, partition=n % PARTITIONS)
                for n in numbers
            ]
            await asyncio.gather(*sends)
        appended = messages / (time.perf_counter() - started)

    try:
        found = {}
        for scenario in SCENARIOS[1:] if scheme == "strict" else ("read", "chain"):
            found[scenario] = await measure(f"{scheme}://{bootstrap}", scenario, messages, fill)
        return {"append": appended} | found
    finally:
        await producer.stop()
        await admin.close()


async def run(messages: int, bootstrap: str | None, only: set[str]) -> dict[str, dict[str, float]]:
    register()
    figures: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        if "memory" in only:
            figures["memory"] = await bench_embedded("memory://bench", messages)
        if "log" in only:
            figures["log"] = await bench_embedded(log_url(Path(folder)), messages)
    if bootstrap is not None:
        for name, scheme in (("kafka strict", "strict"), ("kafka faust", "kafka")):
            if scheme in only:
                figures[name] = await bench_kafka(bootstrap, scheme, messages)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--kafka", metavar="HOST:PORT", help="a broker to use")
    parser.add_argument("--only", default="memory,log,strict,kafka")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    only = set(options.only.split(","))
    server = None
    if options.kafka is None and only & {"strict", "kafka"}:
        from tests.servers import ServerMissing
        from tests.servers.kafka import start_kafka

        try:
            server = start_kafka(Path(tempfile.mkdtemp(prefix="bench-kafka-")))
            options.kafka = server.bootstrap
        except ServerMissing as missing:
            print(missing, file=sys.stderr)
    try:
        figures = asyncio.run(run(options.messages, options.kafka, only))
    finally:
        if server is not None:
            server.stop()
    if options.json:
        print(json.dumps(figures))
        return
    print(f"{'messages/s':<14}" + "".join(f"{scenario:>10}" for scenario in SCENARIOS))
    for name, row in figures.items():
        cells = [f"{row[s]:>10,.0f}" if s in row else f"{'-':>10}" for s in SCENARIOS]
        print(f"{name:<14}" + "".join(cells))


if __name__ == "__main__":
    main()
