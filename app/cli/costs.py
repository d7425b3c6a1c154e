"""`answerloop costs`: calls, tokens and seconds, of one question or of all."""

from __future__ import annotations

from typing import Any

import click

from app.cli.output import json_option, print_json, print_table
from app.logs import configure_logging
from app.loop import run as run_loop
from app.settings import Settings, load_settings

COLUMNS = {
    "calls": "calls",
    "repeated": "repeated",
    "answered": "answered",
    "failed": "failed",
    "prompt_tokens": "prompt tokens",
    "tokens": "answer tokens",
    "untold": "untold",
    "seconds": "seconds",
}


@click.command(short_help="What answers cost: calls, tokens, seconds")
@click.argument("question_id", required=False)
@json_option
def costs(question_id: str | None, as_json: bool) -> None:
    """Add up what the calls of a question cost, or of all questions, by model.

    \b
    answerloop costs
    answerloop costs 0b0c6a0e-7a6e-5d0e-8a51-0d3d5f1f7c11 --json
    """
    settings = load_settings()
    configure_logging(settings.log_format, "warning")
    found = run_loop(_read(settings, question_id))
    if as_json:
        print_json(found)
        return
    rows = [*found["by_model"].items()]
    if len(rows) != 1:
        rows.append(("all", found["total"]))
    print_table(
        None,
        ("model", *COLUMNS.values()),
        ((model, *(figures[name] for name in COLUMNS)) for model, figures in rows),
    )


async def _read(settings: Settings, question_id: str | None) -> dict[str, Any]:
    """Ask the running engine, else the database. Raises NotFoundError."""
    from app.cli.engine import http_asker
    from app.data_dir.engine_file import running_engine

    url = running_engine(settings) if settings.one_engine else None
    if url is not None:
        async with http_asker(url, settings) as asker:
            return await asker.shown_costs(question_id)
    return await _from_database(settings, question_id)


async def _from_database(settings: Settings, question_id: str | None) -> dict[str, Any]:
    from app.core.costs import costs_json
    from app.errors import NotFoundError
    from app.opening import Closer, open_store

    closers: list[Closer] = []
    try:
        store = await open_store(settings, closers)
        if question_id is None:
            return costs_json(await store.costs())
        if not await store.statuses([question_id]):
            raise NotFoundError(f"no question has the id {question_id}")
        found = costs_json(await store.costs([question_id]))
        return {"question_id": question_id, **found}
    finally:
        for closer in reversed(closers):
            await closer()
