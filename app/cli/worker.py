"""`answerloop worker`: the service."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import TYPE_CHECKING

import click

from app.logs import configure_logging
from app.loop import run as run_loop
from app.service.stopping import Signals
from app.settings import Settings, load_settings

if TYPE_CHECKING:
    from app.cli.pipelines import Pipelines


@click.command(short_help="Run the service: pipelines and HTTP API")
@click.option(
    "--http-port",
    type=click.IntRange(0, 65_535),
    metavar="N",
    help="Port of the HTTP API; 0: any free one (HTTP_PORT).",
)
@click.option(
    "--concurrency",
    "llm_concurrency",
    type=click.IntRange(1, 1000),
    metavar="N",
    help="Model calls in flight at most (LLM_CONCURRENCY).",
)
def worker(http_port: int | None, llm_concurrency: int | None) -> None:
    """Run the pipelines of PIPELINES and their HTTP API until SIGTERM or Ctrl-C.

    \b
    answerloop worker
    ANSWERLOOP_PIPELINES=ratings answerloop worker
    ANSWERLOOP_BROKER=kafka://kafka:9092 answerloop worker --http-port 0
    """
    settings = load_settings(http_port=http_port, llm_concurrency=llm_concurrency)
    configure_logging(settings.log_format, settings.log_level)
    code = run_loop(serve(settings))
    raise SystemExit(code)


async def serve(settings: Settings) -> int:
    """Serve until a signal (0), or until the app crashes (1). A second signal ends it at once."""
    stop, crash = asyncio.Event(), asyncio.Event()
    signals = Signals(stop.set, settings.stop_grace_seconds)
    serving = asyncio.ensure_future(_serve(settings, signals, crash))
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not serving.done() and not crash.is_set():  # after a crash it stops by itself
        serving.cancel()
    try:
        return await serving
    except asyncio.CancelledError:
        return 0
    finally:
        signals.done()


async def _serve(settings: Settings, signals: Signals, crash: asyncio.Event) -> int:
    from app.cli.pipelines import running_pipelines

    names = settings.pipeline_names
    async with running_pipelines(settings, names, opened=signals.install) as pipelines:
        log = pipelines.apps[0].context.log
        if not settings.embedded and settings.database == "embedded:":
            log.warning(
                "one_worker_only",
                reason="several workers on Kafka need one ANSWERLOOP_DATABASE=postgresql://...",
            )
        if not pipelines.have_crashed:
            log.info("ready", pipelines=list(names), **_engine_facts(pipelines))
        try:
            async with _gate_checked(settings, pipelines):
                crashed = await pipelines.crashed()
        except asyncio.CancelledError:
            code = 0
        else:
            crash.set()
            log.error("crashed", app=crashed.conf.id, reason=repr(crashed.crash_reason))
            code = 1
    log.info("stopped")
    return code


def _gate_checked(settings: Settings, pipelines: Pipelines) -> AbstractAsyncContextManager[None]:
    if pipelines.questions is None:
        return nullcontext()
    from app.calibration.start import gate_checked

    context = pipelines.questions.context
    return gate_checked(settings, context.ports.scorer, context.log)


def _engine_facts(pipelines: Pipelines) -> dict[str, str]:
    if pipelines.questions is None:
        return {}
    context = pipelines.questions.context
    return {"model": context.ports.model.where, "gate": context.gate.source}
