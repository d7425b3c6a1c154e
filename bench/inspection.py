"""Looking at a topic of 100,000 records, beside Kafka's own console tools.

    python -m bench.inspection [--messages 100000] [--repeat 3] [--json]

`tail`: the whole topic into a pipe, each record decoded and checked (`topics tail -e -J`), and as
it is (`--raw`), beside kafka-console-consumer. `groups`: `groups describe` beside
kafka-consumer-groups, figures compared. `trace`: one question among them (its topic partition is
read), on Kafka and on the embedded log. Commands are whole processes, their start included; the
medians count: seconds, and seconds of CPU, which a busy machine does not stretch. A broker is
started (tests/servers/kafka.py).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path
from statistics import median
from typing import Any

from aiokafka import AIOKafkaProducer

from app.broker.topic_admin import ensure_topics, open_topic_admin
from app.settings import Settings, load_settings
from app.topics import all_topics, app_name, topic_names
from app.transports import NewRecord
from app.transports.embedded.sqlite import SqliteStorage
from app.wire import WireGate
from models.questions import LlmRequest
from tests.servers.kafka import libraries, start_kafka

CONSOLE = "org.apache.kafka.tools.consumer.ConsoleConsumer"
GROUPS = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"
ANSWERLOOP = (sys.executable, "-m", "app.cli.main")


def java(main: str, *arguments: str) -> list[str]:
    """Return the command of one of Kafka's tools, as its own scripts would start it."""
    program = shutil.which("java") or "java"
    return [program, "-Xmx256m", "-cp", f"{libraries()}/*", main, *arguments]


def records(count: int, began: float) -> list[tuple[bytes, bytes, float]]:
    """Return (key, value, time) of model calls of about 430 bytes, a millisecond apart."""
    gate, found = WireGate(LlmRequest), []
    for n in range(count):
        question_id = str(uuid.UUID(int=n))
        value = gate.encode_fields(
            {
                "question_id": question_id,
                "question_text": f"¿Pregunta {n}? " + "x" * 200,
                "original_answer": "Una respuesta.",
                "model": "smol",
                "accepted_at": began,
            }
        )
        found.append((question_id.encode(), value, began + n / 1000))
    return found


async def fill_kafka(settings: Settings, sent: list[tuple[bytes, bytes, float]]) -> None:
    admin = await open_topic_admin(settings)
    await ensure_topics(admin, all_topics(settings))
    await admin.close()
    hosts = settings.broker.removeprefix("kafka://")
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # new topics get their leaders
    producer = AIOKafkaProducer(bootstrap_servers=hosts, linger_ms=20, max_batch_size=262_144)
    await producer.start()
    topic = topic_names(settings).llm_requests
    for begin in range(0, len(sent), 5000):
        futures = [
            await producer.send(topic, value, key=key, timestamp_ms=int(at * 1000))
            for key, value, at in sent[begin : begin + 5000]
        ]
        await asyncio.gather(*futures)
    await producer.stop()
    await commit_half(settings, hosts, topic)


async def commit_half(settings: Settings, hosts: str, topic: str) -> None:
    """Let the pipeline's group stand in the middle of each partition."""
    from aiokafka import AIOKafkaConsumer, TopicPartition

    group = app_name(settings)
    consumer = AIOKafkaConsumer(bootstrap_servers=hosts, group_id=group, enable_auto_commit=False)
    await consumer.start()
    partitions = [TopicPartition(topic, n) for n in range(settings.partitions)]
    consumer.assign(partitions)
    ends = await consumer.end_offsets(partitions)
    await consumer.commit({tp: end // 2 for tp, end in ends.items()})
    await consumer.stop()


async def fill_log(settings: Settings, sent: list[tuple[bytes, bytes, float]]) -> None:
    log = SqliteStorage(settings.data_dir / "log", synchronous="OFF")
    for spec in all_topics(settings):
        log.create_topic(spec.name, spec.partitions, spec.config)
    topic = topic_names(settings).llm_requests
    for begin in range(0, len(sent), 5000):
        futures = [
            log.append(NewRecord(topic, log.partition_for(topic, key), key, value, at))
            for key, value, at in sent[begin : begin + 5000]
        ]
        await asyncio.gather(*futures)
    log.close()


def timed(
    command: list[str], environment: dict[str, str], repeat: int
) -> tuple[dict[str, float], str]:
    """Return the medians of a command in seconds, and what it printed the last time."""
    wall, cpu, out = [], [], ""
    for _ in range(repeat):
        before, started = _cpu_of_children(), time.perf_counter()
        done = subprocess.run(command, env=environment, capture_output=True, check=True, text=True)
        wall.append(time.perf_counter() - started)
        cpu.append(_cpu_of_children() - before)
        out = done.stdout
    return {"wall": round(median(wall), 3), "cpu": round(median(cpu), 3)}, out


def _cpu_of_children() -> float:
    """Return the CPU seconds of the processes that have ended: the broker is not among them."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def group_figures(text: str, group: str) -> list[list[str]]:
    """Return topic, partition, current, end and lag of each row of either tool."""
    rows = (line.split() for line in text.splitlines())
    return sorted(row[1:6] for row in rows if row and row[0] == group and len(row) > 8)


def run(messages: int, repeat: int, folder: Path) -> dict[str, Any]:
    server = start_kafka(folder / "kafka")
    try:
        return measure(messages, repeat, folder, server.bootstrap)
    finally:
        server.stop()


def measure(messages: int, repeat: int, folder: Path, bootstrap: str) -> dict[str, Any]:
    on_kafka = load_settings(broker=f"kafka://{bootstrap}", data_dir=folder / "data")
    on_log = load_settings(data_dir=folder / "data")
    sent = records(messages, time.time() - 3600)
    asyncio.run(fill_kafka(on_kafka, sent))
    asyncio.run(fill_log(on_log, sent))
    log_environment = {**os.environ, "ANSWERLOOP_DATA_DIR": str(folder / "data")}
    environment = {**log_environment, "ANSWERLOOP_BROKER": on_kafka.broker}
    topic, group = topic_names(on_kafka).llm_requests, app_name(on_kafka)
    found: dict[str, Any] = {"messages": messages, "repeat": repeat, "seconds": {}}
    seconds = found["seconds"]

    console = java(CONSOLE, "--bootstrap-server", bootstrap, "--topic", topic)
    console += ["--from-beginning", "--max-messages", str(messages)]
    seconds["kafka-console-consumer"], out = timed(console, environment, repeat)
    lines = {"kafka-console-consumer": out.count("\n")}
    tail = [*ANSWERLOOP, "topics", "tail", topic, "-e"]
    for name, options, where in [
        ("topics tail -e --raw", ["--raw"], environment),
        ("topics tail -e -J", ["-J"], environment),
        ("topics tail -e -J (log)", ["-J"], log_environment),
    ]:
        seconds[name], out = timed([*tail, *options], where, repeat)
        lines[name] = out.count("\n")
    found["lines"] = lines

    theirs = java(GROUPS, "--bootstrap-server", bootstrap, "--describe", "--group", group)
    seconds["kafka-consumer-groups"], said = timed(theirs, environment, repeat)
    ours = [*ANSWERLOOP, "groups", "describe", group]
    seconds["groups describe"], says = timed(ours, environment, repeat)
    found["groups_equal"] = group_figures(said, group) == group_figures(says, group) != []

    trace = [*ANSWERLOOP, "trace", sent[messages // 2][0].decode(), "--json"]
    for name, where in [("trace", environment), ("trace (log)", log_environment)]:
        seconds[name], out = timed(trace, where, repeat)
        found[f"{name} searched"] = json.loads(out)["searched"]
    nothing = timed([*ANSWERLOOP, "topics", "tail", "dead-letters", "-e"], log_environment, repeat)
    seconds["start of a command"] = nothing[0]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-inspection-") as folder:
        found = run(options.messages, options.repeat, Path(folder))
    if options.json:
        print(json.dumps(found))
        return
    print(f"{found['messages']:,} records, medians of {found['repeat']}, whole processes")
    print(f"{'':<26}{'seconds':>10}{'CPU':>10}")
    for name, value in found["seconds"].items():
        lines = found["lines"].get(name)
        print(
            f"{name:<26}{value['wall']:>10.2f}{value['cpu']:>10.2f}"
            + (f"{lines:>10,} lines" if lines else "")
        )
    print(f"groups: figures equal: {found['groups_equal']}")
    print(f"trace: {found['trace searched']:,} records of its partitions")


if __name__ == "__main__":
    main()
