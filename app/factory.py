"""`create_app`: wires topics, tables, stages and timers to ports. Connects nothing."""

from __future__ import annotations

import os
import socket
from dataclasses import replace
from time import monotonic
from typing import Any
from uuid import uuid4

import faust

from agents.context import Context, Limits
from agents.questions import admit, ask, hold, judge, persist, route, sweep, timers
from agents.questions.calling import finish_detached
from app.broker import broker_url, faust_credentials
from app.config.gate import gate_in_force
from app.ports import Ports
from app.service.boot import Boot
from app.service.stopping import stopped_in_time
from app.settings import Settings
from app.topics import MAX_MESSAGE_BYTES, app_name, topic_names, topic_table
from app.transports import StreamApp, TopicPlan, register
from app.wire import TopicSchema
from tables.generations import Generations
from tables.retries import Retries

#: Records of one partition that a quick stage gets at once.
CHUNK = 200


class NamedTopics(faust.Topic):
    """A Faust topic that can say its name when it stands for several, as `faust agents` asks.

    Faust keeps a second future of each send, which nobody awaits: its error is marked as seen. A
    send that was cancelled (its time was over) is no error: Faust would raise in the event loop.
    """

    def get_topic_name(self) -> str:
        return ", ".join(self.topics)

    async def _get_producer(self) -> Any:
        """Return the producer, for table writes at once.

        Faust takes three turns of the event loop for it, and sends table writes one by one: a
        commit, which waits for them all, would come seconds after a large chunk.
        """
        producer = self.app.producer
        return producer if self.internal and producer.started else await super()._get_producer()

    def _on_published(self, fut: Any, message: Any, producer: Any, state: Any) -> None:
        if fut.cancelled():
            message.cancel()
            return
        super()._on_published(fut, message=message, producer=producer, state=state)
        if message.done() and not message.cancelled():
            message.exception()


class PipelineApp(StreamApp):
    """A Faust app with the context of its stages."""

    context: Context

    owns_process = False
    """The process is there for this app: one that is stuck, or can't stop, ends it."""

    stopped_in_time = True
    """False after a stop that was given up: the process must end without it."""

    async def stop(self) -> None:
        """Stop. An app that owns its process does so within a time, or leaves the rest."""
        if not self.owns_process:
            await super().stop()
        elif not await stopped_in_time(
            super().stop(), self.context.log, self.context.limits.stop_grace_seconds
        ):
            self.stopped_in_time = False
            await self.boot_strategy.give_up()

    async def _stop_consumer(self) -> None:
        """Give calls their time while what they need (ledger, log) is still there."""
        self.context.stopping_since = monotonic()
        await super()._stop_consumer()
        await finish_detached(self.context)

    def _create_directories(self) -> None:
        """Tables live in memory and in their changelogs: Faust's folders are not needed."""


def create_app(
    settings: Settings, ports: Ports | None = None, limits: Limits | None = None
) -> PipelineApp:
    """Return the question pipeline as a Faust app, its `context` attached.

    With `ports` the app uses those and closes nothing of theirs; without, it opens what the
    settings name when it boots. `limits` replaces what the settings say (for tests).
    """
    register()
    names = topic_names(settings)
    specs = topic_table(settings)
    app = PipelineApp(
        app_name(settings),
        topic_plans={
            name: TopicPlan(packed=True, max_records=CHUNK)
            for name in names
            if name not in (names.llm_requests, names.llm_responses_success)
        },
        **_faust_options(settings),
    )
    schema = TopicSchema({spec.name: spec.record for spec in specs if spec.record})
    context = Context(
        app=app,
        names=names,
        schema=schema,
        limits=limits or _limits(settings),
        owner=f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}",
        opened=ports,
    )
    _declare_stages(context, settings)
    app.held_events = set()
    app.context = context
    app.boot_strategy = Boot(app, context, settings, opens_ports=ports is None)
    return app


def _declare_stages(context: Context, settings: Settings) -> None:
    app, forget = context.app, context.limits.forget_after_seconds
    generations = Generations(app, settings.partitions, forget)
    retries = Retries(app, settings.partitions, forget, lambda: _owned(app, retries))
    admit.register(context, generations)
    ask.register(context)
    route.register(context)
    hold.register(context, retries)
    judge.register(context)
    persist.register(context)
    timers.register(context, retries)
    sweep.register(context)
    context.metrics.watch("calls_in_flight", lambda: context.calls_in_flight)
    context.metrics.watch("calls_waiting", lambda: context.turnstile.waiting)
    context.metrics.watch("flood_open", lambda: int(context.flood.open))
    context.metrics.watch("llm_limit", lambda: context.turnstile.limiter.in_force)
    context.metrics.watch("breaker_state", lambda: int(context.turnstile.state))


def _owned(app: StreamApp, retries: Retries) -> frozenset[int]:
    """Return the partitions of table `retries` that are ours now."""
    changelog = retries.table.changelog_topic.get_topic_name()
    return frozenset(
        tp.partition for tp in app.assignor.assigned_actives() if tp.topic == changelog
    )


def _limits(settings: Settings) -> Limits:
    return replace(
        Limits(),
        policy=settings.retry_policy,
        causes=settings.causes,
        strategies=settings.strategies,
        gate=gate_in_force(settings),
        max_generations=settings.max_generations,
        concurrency=settings.llm_concurrency,
        stop_grace_seconds=settings.stop_grace_seconds,
        breaker=settings.breaker_policy,
        flood=settings.flood_policy,
        call_seconds=_longest_call(settings),
        deadline_seconds=settings.deadline_seconds,
    )


def _longest_call(settings: Settings) -> float:
    """Return how long a call may take, in seconds: the bundled model makes one at a time."""
    queue = settings.llm_concurrency if settings.llm in ("bundled:", "auto:") else 1
    return settings.llm_timeout_seconds * queue


def _faust_options(settings: Settings) -> dict[str, Any]:
    """Return Faust's own settings; the reasons are in docs/transports.md."""
    return {
        "Topic": NamedTopics,
        "broker": broker_url(settings),
        "broker_credentials": faust_credentials(settings),
        "broker_commit_interval": settings.commit_interval_seconds,
        "broker_session_timeout": 10.0,
        "broker_heartbeat_interval": 3.0,
        "broker_rebalance_timeout": 60.0,
        "broker_request_timeout": 90.0,
        "broker_max_poll_interval": 86_400.0,
        "broker_commit_livelock_soft_timeout": 3600.0,
        "consumer_group_instance_id": settings.kafka_instance_id,
        "producer_request_timeout": 60.0,
        "producer_max_request_size": 2 * MAX_MESSAGE_BYTES,
        "stream_buffer_maxsize": 16_384,
        "stream_wait_empty": True,
        "stream_processing_timeout": 3600.0,
        "store": "memory://",
        "table_standby_replicas": 0,
        "topic_partitions": settings.partitions,
        "topic_replication_factor": settings.replication_factor,
        "web_enabled": False,
        "web_host": settings.http_host,
        "web_port": settings.http_port or 6066,
        "worker_redirect_stdouts": False,
        "datadir": str(settings.data_dir / "faust"),
        "logging_config": None,
    }
