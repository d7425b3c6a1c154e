"""`answerloop score-server`: BERTScore for other programs, and for workers without torch."""

from __future__ import annotations

import asyncio
from typing import Any

import click

from app.cli.output import print_line
from app.logs import configure_logging
from app.loop import run as run_loop
from app.service.stopping import Signals
from app.settings import Settings, load_settings

DEFAULT_PORT = 8000


@click.command("score-server", short_help="Serve BERTScore to workers and programs")
@click.option("--host", "http_host", help="Address to listen on (HTTP_HOST; 127.0.0.1).")
@click.option(
    "--port",
    "http_port",
    type=click.IntRange(0, 65_535),
    default=DEFAULT_PORT,
    show_default=True,
    help="0: any free one.",
)
@click.option(
    "--max-queue",
    type=click.IntRange(1, 1_000_000),
    default=1024,
    show_default=True,
    help="Pairs that may wait; beyond it 503 with Retry-After.",
)
@click.option(
    "--max-batch",
    type=click.IntRange(1, 1024),
    default=64,
    show_default=True,
    help="Pairs of one batch, across requests.",
)
@click.option(
    "--threads",
    "scorer_threads",
    type=click.IntRange(1, 256),
    help="Scorer threads (SCORER_THREADS).",
)
def score_server(
    http_host: str | None,
    http_port: int,
    max_queue: int,
    max_batch: int,
    scorer_threads: int | None,
) -> None:
    """Serve POST /score until SIGTERM or Ctrl-C; no broker, no database.

    The first line on stdout is the URL. GET /readyz is 503 until the model is loaded.

    \b
    answerloop score-server
    ANSWERLOOP_API_TOKEN=... answerloop score-server --host 0.0.0.0 --port 8000
    ANSWERLOOP_SCORER_MODEL=roberta-large answerloop score-server --threads 8
    ANSWERLOOP_SCORER=http://127.0.0.1:8000 answerloop worker
    """
    settings = load_settings(
        http_host=http_host, http_port=http_port, scorer_threads=scorer_threads
    )
    configure_logging(settings.log_format, settings.log_level)
    run_loop(_serve(settings, max_queue=max_queue, max_batch=max_batch))


async def _serve(settings: Settings, **bounds: Any) -> None:
    """Serve until a signal; a second one ends the process at once. Raises what stops the start."""
    from app.opening import open_scorer
    from app.scoring.server import ScoreServer, refuse_other_scorers

    refuse_other_scorers(settings)
    stop = asyncio.Event()
    signals = Signals(stop.set, settings.stop_grace_seconds)
    signals.install()
    server = ScoreServer(settings, open_scorer(settings, []), **bounds)
    await server.start()
    print_line(f"{server.url}")
    loading = asyncio.ensure_future(server.load())
    stopping = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({loading, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if loading.done():
            loading.result()
            server.log.info("ready", scorer=server.queue.name, gate=server.gate.source)
            await stopping
    finally:
        loading.cancel()
        await server.stop()
        signals.done()
    server.log.info("stopped")
