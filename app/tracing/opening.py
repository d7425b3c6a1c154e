"""From settings to tracing: nobody's, or a collector's."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

from app import __version__
from app.config.reading import standard_number
from app.errors import SettingsError
from app.metrics import Metrics
from app.settings import Settings
from app.tracing.port import NO_TRACING, Tracing

#: How long the end waits for the collector to take what is left.
CLOSE_SECONDS = 3.0
#: The SDK's own default.
_QUEUE = 2048


def open_tracing(
    settings: Settings,
    metrics: Metrics,
    log: Any,
    *,
    now: Callable[[], float],
    owner: str,
    given_back: type[Exception],
) -> Tracing:
    """Return tracing as OTEL_ENDPOINT says; connects nothing.

    `owner` names this process, `given_back` is what interrupts a stage.

    The SDK reads its own variables (OTEL_SERVICE_NAME, OTEL_TRACES_SAMPLER, OTEL_BSP_*, ...).
    Raises SettingsError when they contradict each other.
    """
    if settings.otel_endpoint is None:
        return NO_TRACING
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.sampling import ParentBased

    from app.tracing.contexts import LinkedAsParent
    from app.tracing.exporting import BoundedProcessor, Tally
    from app.tracing.spans import OtelTracing

    where = f"{settings.otel_endpoint.rstrip('/')}/v1/traces"
    tally = Tally(metrics, log, where)
    try:
        provider = TracerProvider(resource=_resource(owner), shutdown_on_exit=False)
        if isinstance(provider.sampler, ParentBased):
            provider.sampler = LinkedAsParent(provider.sampler)
        room = standard_number("OTEL_BSP_MAX_QUEUE_SIZE", _QUEUE)
        processor = BoundedProcessor(OTLPSpanExporter(where), tally, room)
        provider.add_span_processor(processor)
    except ValueError as error:
        raise SettingsError(f"OTEL_*: {error}") from error
    tally.words.listen()

    def end() -> None:
        provider.shutdown()
        tally.words.leave()

    async def close() -> None:
        # One that is left behind still listens: what it hears then is nobody's business.
        await _in_a_thread(end, CLOSE_SECONDS)
        processor.give_up()

    log.info("tracing", collector=where)
    tracer = provider.get_tracer("answerloop", __version__)
    return OtelTracing(tracer, now, close, given_back)


def _resource(owner: str) -> Any:
    from opentelemetry.sdk.resources import Resource

    found = Resource.create({"service.version": __version__, "service.instance.id": owner})
    if str(found.attributes.get("service.name", "unknown_service")).startswith("unknown_service"):
        found = found.merge(Resource({"service.name": "answerloop"}))
    return found


async def _in_a_thread(work: Callable[[], None], seconds: float) -> None:
    """Do something for so long at most: a thread that hangs is left behind, and holds up nobody."""
    loop = asyncio.get_running_loop()
    done = asyncio.Event()

    def run() -> None:
        try:
            work()
        finally:
            if not loop.is_closed():
                loop.call_soon_threadsafe(done.set)

    threading.Thread(target=run, name="last-spans", daemon=True).start()
    try:
        async with asyncio.timeout(seconds):
            await done.wait()
    except TimeoutError:
        return
