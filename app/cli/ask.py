"""`answerloop ask` and `answerloop show`."""

from __future__ import annotations

from typing import Any

import click

from app.cli.output import json_option, print_json, stderr
from app.cli.question_print import print_question
from app.core.lifecycle import Status
from app.logs import configure_logging
from app.loop import run as run_loop
from app.settings import Settings, batch_settings, load_settings


@click.command(short_help="Ask one question and wait for its end")
@click.argument("question_text")
@click.option("--reference", help="Reference answer: the answer is scored against it.")
@click.option("--fresh", is_flag=True, help="Ask anew, also when an answer is stored.")
@click.option(
    "--wait",
    "seconds",
    default=600.0,
    show_default=True,
    metavar="SECONDS",
    help="Wait so long for its end; then show it as it stands.",
)
@json_option
def ask(
    question_text: str, reference: str | None, fresh: bool, seconds: float, as_json: bool
) -> None:
    """Ask one question; a stored answer is shown at once.

    \b
    answerloop ask "What is the capital of Chile?"
    answerloop ask "¿Cuál es la capital de Chile?" --reference "La capital es Santiago." --json
    """
    if not question_text.strip():
        raise click.BadParameter("the question is blank", param_hint="QUESTION_TEXT")
    settings = batch_settings()
    configure_logging(settings.log_format, "warning")
    row = run_loop(_ask(settings, question_text, reference, fresh=fresh, seconds=seconds))
    print_json(row) if as_json else print_question(row)
    if not Status(row["status"]).final:
        stderr().print(f"not ended within {seconds:g} s: answerloop show {row['question_id']}")
        raise SystemExit(1)


async def _ask(
    settings: Settings, text: str, reference: str | None, *, fresh: bool, seconds: float
) -> dict[str, Any]:
    from app.cli.engine import any_engine
    from app.intake import NewQuestion

    with stderr().status("asking"):
        async with any_engine(settings) as engine:
            row = await engine.submit(NewQuestion(text, reference), fresh=fresh)
            if not Status(row["status"]).final:
                row = await engine.wait(row["question_id"], seconds)
    return row


@click.command(short_help="Show a question with all its attempts")
@click.argument("question_id")
@json_option
def show(question_id: str, as_json: bool) -> None:
    """Show a question: its state, answer and every attempt, and why each passed or failed.

    \b
    answerloop show 0b0c6a0e-7a6e-5d0e-8a51-0d3d5f1f7c11 --json
    """
    from app.cli.engine import stored_question

    settings = load_settings()
    configure_logging(settings.log_format, "warning")
    row = run_loop(stored_question(settings, question_id))
    print_json(row) if as_json else print_question(row)
