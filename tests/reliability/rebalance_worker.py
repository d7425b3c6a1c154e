"""One worker of the rebalance stress, run as a process of its own.

`questions` -> (agent, 4 at a time) -> `answers` -> (agent with a table, 4 at a time) -> `results`
`batches`   -> (agent on a packed topic) ------------------------------------------> `results`

The 1st argument is JSON: bootstrap, prefix, seed, driver ("strict" or Faust's own "kafka"),
commit_interval (null for Faust's default), ready (a file to touch once it runs). TESTIFY makes it
write to stderr where it stands.
"""

from __future__ import annotations

import asyncio
import json
import random
import signal
import sys
from pathlib import Path
from typing import Any

import faust

from app.service.task_stacks import loops_of, task_stacks
from app.transports import StreamApp, TopicPlan, register

PARTITIONS = 8
TESTIFY = signal.SIGRTMIN
"""The signal that is a question; SIGUSR1 and SIGUSR2 are taken by mode."""


class Raw(faust.Schema):
    """Keys and values as they are."""

    def loads_key(self, app: Any, message: Any, **_: Any) -> Any:
        return message.key

    def loads_value(self, app: Any, message: Any, **_: Any) -> Any:
        return message.value


def build(options: dict[str, Any]) -> StreamApp:
    dice = random.Random(options["seed"])
    strict = options["driver"] == "strict"
    prefix = options["prefix"]
    names = {stem: f"{prefix}-{stem}" for stem in ("questions", "answers", "batches", "results")}
    interval = {"broker_commit_interval": options["commit_interval"]}
    app = StreamApp(
        prefix,
        broker=f"{options['driver']}://{options['bootstrap']}",
        store="memory://",
        web_enabled=False,
        topic_partitions=PARTITIONS,
        table_standby_replicas=0,
        broker_session_timeout=6.0,
        broker_heartbeat_interval=1.0,
        broker_request_timeout=40.0,
        broker_rebalance_timeout=30.0,
        topic_plans={names["batches"]: TopicPlan(packed=strict, max_records=20)},
        **(interval if options["commit_interval"] else {}),
    )
    topics = {
        stem: app.topic(name, schema=Raw(), key_serializer="raw", value_serializer="raw")
        for stem, name in names.items()
    }
    counts = app.Table("counts", default=int, partitions=PARTITIONS)

    async def publish(stem: str, key: bytes | None, value: bytes | None) -> None:
        await (await topics[stem].send(key=key, value=value))

    @app.agent(topics["questions"], concurrency=4)
    async def ask(stream: Any) -> None:
        async for event in stream.events():
            if strict and dice.random() < 0.01:
                app.consumer.release(event, after_seconds=0.2)
                continue
            await asyncio.sleep(dice.choice([0, 0, 0, 0.01, 0.05]))
            await publish("answers", event.message.key, event.message.value)

    @app.agent(topics["answers"], concurrency=4)
    async def judge(stream: Any) -> None:
        async for event in stream.events():
            await publish("results", event.message.key, event.message.value)
            counts[event.message.key.decode()] += 1

    @app.agent(topics["batches"])
    async def persist(stream: Any) -> None:
        async for event in stream.events():
            records = event.value if strict else [event.message]
            if strict and dice.random() < 0.02:
                app.consumer.release(event, after_seconds=0.2)
                continue
            await asyncio.sleep(dice.choice([0, 0.01, 0.02]))
            await asyncio.gather(*[publish("results", r.key, r.value) for r in records])

    @app.task
    async def say_ready() -> None:
        Path(options["ready"]).touch()  # noqa: ASYNC240 - once

    return app


def testimony(app: StreamApp) -> str:
    """Where every task waits, and how membership and delivery stand."""
    consumer: Any = app.consumer
    kafka = consumer._thread._consumer
    group = kafka._coordinator if kafka is not None else None
    names = ("member_id", "generation", "coordinator_id", "_pending_exception", "_heartbeat_task")
    facts = {
        "rebalancing": app.rebalancing,
        "tables recovered": app.tables.actives_ready,
        "flow": consumer.flow_active,
        "in progress": len(consumer._unacked_messages),
        "group": {name: getattr(group, name, None) for name in names},
        "heads": getattr(consumer, "heads", dict)(),
    }
    return "\n".join([task_stacks(loops_of(app)), *(f"{key}: {facts[key]!r}" for key in facts)])


if __name__ == "__main__":
    register()
    app = build(json.loads(sys.argv[1]))
    signal.signal(TESTIFY, lambda *_: sys.stderr.write(testimony(app) + "\n"))
    faust.Worker(app, loglevel="WARN", redirect_stdouts=False).execute_from_commandline()
