"""`answerloop worker`: the service."""

from __future__ import annotations

import asyncio
import signal

import click

from app.logs import configure_logging
from app.loop import run as run_loop
from app.settings import Settings, load_settings


@click.command(short_help="Run the service: pipeline and HTTP API")
@click.option("--http-port", type=int, help="Port of the HTTP API (0: any free one).")
@click.option("--concurrency", "llm_concurrency", type=int, help="Model calls in flight at most.")
def worker(http_port: int | None, llm_concurrency: int | None) -> None:
    """Run the pipeline and its HTTP API until SIGTERM or Ctrl-C.

    \b
    answerloop worker
    ANSWERLOOP_BROKER=kafka://kafka:9092 answerloop worker --http-port 0
    """
    settings = load_settings(http_port=http_port, llm_concurrency=llm_concurrency)
    configure_logging(settings.log_format, settings.log_level)
    code = run_loop(serve(settings))
    raise SystemExit(code)


async def serve(settings: Settings) -> int:
    """Serve until a signal (0), or until the app crashes (1)."""
    from app.cli.engine import local_engine

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with local_engine(settings) as app:
        if not settings.embedded and settings.database == "embedded:":
            app.context.log.warning(
                "one_worker_only",
                reason="several workers on Kafka need one ANSWERLOOP_DATABASE=postgresql://...",
            )
        app.context.log.info(
            "ready", model=app.context.ports.model.where, gate=app.context.limits.gate.source
        )
        crashed = asyncio.ensure_future(app._crashed.wait())
        stopping = asyncio.ensure_future(stop.wait())
        await asyncio.wait({crashed, stopping}, return_when=asyncio.FIRST_COMPLETED)
        for waiter in (crashed, stopping):
            waiter.cancel()
        reason = app.crash_reason
        if reason is not None:
            app.context.log.error("crashed", reason=repr(reason))
        log = app.context.log
    log.info("stopped")
    return 0 if reason is None else 1
