"""The command's entry: finds the subcommand, turns errors into one line and an exit code."""

from __future__ import annotations

import sys
from typing import Any

import click

from app import __version__
from app.cli.lazy import lazy_group

#: name -> (module, attribute, one line for the overview)
COMMANDS = {
    "run": ("app.cli.run", "run", "Answer the questions of a file"),
    "worker": ("app.cli.worker", "worker", "Run the service: pipelines and HTTP API"),
    "ask": ("app.cli.ask", "ask", "Ask one question and wait for its end"),
    "show": ("app.cli.ask", "show", "Show a question with all its attempts"),
    "costs": ("app.cli.costs", "costs", "What answers cost: calls, tokens, seconds"),
    "report": ("app.cli.report", "report", "How good the answers are: a page, CSV, JSONL, JUnit"),
    "score": ("app.cli.score", "score", "BERTScore of a file of pairs, or of one pair"),
    "score-server": (
        "app.cli.score_server",
        "score_server",
        "Serve BERTScore to workers and programs",
    ),
    "gate": ("app.cli.gate", "gate", "The quality gate: calibrate it, check it"),
    "ratings": ("app.cli.ratings", "ratings", "Ratings: send, look at their topic, recommend"),
    "dlq": ("app.cli.dlq", "dlq", "Dead letters: list, show, plan, redrive, purge"),
    "topics": ("app.cli.topics", "topics", "Topics: create, list, describe, tail, verify"),
    "groups": ("app.cli.groups", "groups", "Consumer groups: list, describe, lag, reset"),
    "trace": ("app.cli.trace", "trace", "The whole journey of a question"),
    "watch": ("app.cli.watch", "watch", "A running worker on the terminal, live"),
    "load": ("app.cli.load", "load", "Traffic at a rate, and the latencies it met"),
    "fake-llm": ("app.cli.fake_llm", "fake_llm", "A model server that fails on demand"),
    "chaos": ("app.cli.chaos", "chaos", "Break things on purpose, and audit what came of it"),
    "models": ("app.cli.models", "models", "The bundled models: list, install"),
    "db": ("app.cli.db", "db", "Migrate the database, show its state"),
    "doctor": ("app.cli.doctor", "doctor", "Look at all that is needed; say the mends"),
    "completion": ("app.cli.completion", "completion", "Complete commands in the shell"),
    "config": ("app.cli.config", "config", "Show and check the settings"),
}

_UNREACHED = 4


@click.group(cls=lazy_group(COMMANDS), context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="answerloop")
def cli() -> None:
    """Ask language models questions until the answers pass, and never lose one.

    \b
    answerloop run questions.csv --out results.csv
    answerloop ask "What is the capital of Chile?" --reference "Santiago."
    answerloop worker

    Settings are ANSWERLOOP_* variables or a .env file: answerloop config show
    """


def main(arguments: list[str] | None = None) -> None:
    """Run the command and exit: 0 ok, 1 failed, 2 usage, 3 not found, 4 cannot reach."""
    code = _exit_code(arguments)
    if arguments is None and _a_thread_works():  # it can't be interrupted, and need not be
        from app.service.stopping import end_process

        end_process(code)
    raise SystemExit(code)


#: Follows the error when a part can't be reached.
DOCTOR = "answerloop doctor looks at every part, and says what mends it"


def _exit_code(arguments: list[str] | None) -> int:
    from app.errors import AnswerloopError

    try:
        code: Any = cli.main(arguments, prog_name="answerloop", standalone_mode=False)
    except click.exceptions.Abort:
        sys.stderr.write("interrupted\n")
        return 130
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except AnswerloopError as error:
        from app.cli.output import print_error

        print_error(f"error: {error}")
        if error.exit_code == _UNREACHED and "doctor" not in str(error):
            print_error(DOCTOR)
        return error.exit_code
    except SystemExit as exit_:
        if isinstance(exit_.code, str):
            from app.cli.output import print_error

            print_error(exit_.code)
        return exit_.code if isinstance(exit_.code, int) else int(exit_.code is not None)
    return code if isinstance(code, int) else 0


def _a_thread_works() -> bool:
    """Tell whether a thread loads a model or runs one still, or hangs in a check of `doctor`."""
    threads = sys.modules.get("app.adapters.one_thread")
    checks = sys.modules.get("app.doctor.running")
    return (threads is not None and bool(threads.is_working())) or (
        checks is not None and bool(checks.is_hanging())
    )


if __name__ == "__main__":
    main()
