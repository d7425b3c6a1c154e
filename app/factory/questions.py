"""The question pipeline as a Faust app."""

from __future__ import annotations

from dataclasses import replace

from agents.context import Context, Limits
from agents.questions import admit, ask, hold, judge, persist, route, sweep, timers
from agents.questions.calling import finish_detached
from app.config.gate import gate_in_force, gates_by_scorer
from app.factory.faust_options import faust_options
from app.factory.stage_app import StageApp, new_owner
from app.metrics import Metrics
from app.ports import KeepsReferences, Ports
from app.service.boot import Boot
from app.service.outside import QuestionsOutside
from app.settings import Settings
from app.topics import app_name, topic_names, topic_table
from app.transports import StreamApp, TopicPlan, register
from app.wire import TopicSchema
from tables.generations import Generations
from tables.retries import Retries

#: Records of one partition that a quick stage gets at once.
CHUNK = 200


class PipelineApp(StageApp):
    """The question pipeline."""

    context: Context

    async def _stop_consumer(self) -> None:
        """Give calls their time while what they need (ledger, log) is still there."""
        await super()._stop_consumer()
        await finish_detached(self.context)


def create_app(
    settings: Settings,
    ports: Ports | None = None,
    limits: Limits | None = None,
    *,
    metrics: Metrics | None = None,
) -> PipelineApp:
    """Return the question pipeline as a Faust app, its `context` attached.

    With `ports` the app uses those and closes nothing of theirs; without, it opens what the
    settings name when it boots. `limits` replaces what the settings say (for tests). `metrics` are
    those of the process, where another pipeline runs in it.
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
        **faust_options(settings, settings.partitions),
    )
    schema = TopicSchema({spec.name: spec.record for spec in specs if spec.record})
    context = Context(
        app=app,
        names=names,
        schema=schema,
        limits=limits or _limits(settings),
        owner=new_owner(),
        metrics=metrics or Metrics(),
        opened=ports,
    )
    _declare_stages(context, settings)
    app.held_events = set()
    app.context = context
    outside = QuestionsOutside(context, settings, opens_ports=ports is None)
    app.boot_strategy = Boot(app, context, settings, outside)
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
    context.metrics.watch("scorer_reference_hit_rate", lambda: _reference_hit_rate(context))
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
        gates_by_scorer=gates_by_scorer(settings),
        guards=settings.guard_names,
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


def _reference_hit_rate(context: Context) -> float:
    scorer = context.opened.scorer if context.opened else None
    return scorer.reference_hit_rate if isinstance(scorer, KeepsReferences) else 0.0
