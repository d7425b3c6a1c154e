"""What the pages must say, read from the code itself."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from enum import Enum
from functools import cache
from typing import Any

import click

from app.cli.main import cli
from app.core.failures import CAUSES
from app.core.ratings.events import Rule
from app.core.retry import RetryKind
from app.factory import PipelineApp, RatingsApp, create_app, create_ratings_app
from app.settings import PREFIX, Settings
from app.web.server import make_web_app
from tests.docs.pages import ROOT

#: `run` and Faust's own topics are described in words.
EXIT_CODES = ("0", "1", "2", "3", "4", "130")


@cache
def settings() -> Settings:
    """Return the settings as they are when nothing is set."""
    return Settings(_env_file=None)


@cache
def pipeline() -> PipelineApp:
    """Return the application, wired and not connected."""
    return create_app(settings())


@cache
def ratings() -> RatingsApp:
    """Return the application of the ratings, wired and not connected."""
    return create_ratings_app(settings())


@cache
def web_app() -> Any:
    """Return the HTTP application of a worker that runs every pipeline."""
    return make_web_app(pipeline().context, settings(), ratings().context)


def default_shown(value: Any) -> str:
    """Return a default as the page writes it; `(empty)` for an empty text."""
    if value is None:
        return ""
    if value == "":
        return "(empty)"
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, bool):
        value = str(value).lower()
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def defaults() -> dict[str, str]:
    """Return the default of every setting as the page writes it, by environment variable."""
    fields = Settings.model_fields.items()
    return {PREFIX + name.upper(): default_shown(field.default) for name, field in fields}


def bounds(name: str) -> set[str]:
    """Return the numbers that bound a setting."""
    field = Settings.model_fields[name.removeprefix(PREFIX).lower()]
    found = set()
    for bound in field.metadata:
        for kind in ("gt", "ge", "lt", "le"):
            value = getattr(bound, kind, None)
            if value is not None:
                found.add(f"{value:.0f}")
    return found


def readers() -> dict[str, set[str]]:
    """Return the agents that read each topic."""
    found: dict[str, set[str]] = {}
    for name, agent in (*pipeline().agents.items(), *ratings().agents.items()):
        for topic in agent.channel.topics:
            found.setdefault(topic, set()).add(name)
    return found


def commands(group: click.Group = cli, prefix: str = "answerloop") -> dict[str, click.Command]:
    """Return every command that does something, by its whole name."""
    found: dict[str, click.Command] = {}
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        whole = f"{prefix} {name}"
        if isinstance(command, click.Group):
            found |= commands(command, whole)
        else:
            found[whole] = command
    return found


def option_names(command: click.Command) -> set[str]:
    """Return the options of a command, and its arguments in capitals."""
    names: set[str] = set()
    for parameter in command.params:
        if isinstance(parameter, click.Argument):
            names.add(parameter.human_readable_name)
        else:
            names.update(name for name in parameter.opts if name.startswith("--"))
    return names


def routes() -> set[str]:
    """Return `METHOD /path` of every route."""
    return {
        f"{route.method} {route.resource.canonical}"
        for route in web_app().router.routes()
        if route.resource is not None and route.method != "HEAD"
    }


def error_codes() -> set[str]:
    """Return the codes that our own error answers carry."""
    text = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "app/web").glob("*.py"))
    return set(re.findall(r'error_response\(\s*\d{3},\s*"(\w+)"', text))


def dead_letter_causes() -> set[str]:
    """Return the causes that stages give beside those of the table."""
    found = {f"{kind}_retries_exhausted" for kind in RetryKind}
    found |= {f"rating_{rule}" for rule in Rule}
    for path in (ROOT / "agents").glob("**/*.py"):
        found.update(_causes_in(ast.parse(path.read_text(encoding="utf-8"))))
    return found


def _causes_in(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in (
            "dead_letter",
            "best_as_final",
        ):
            for argument in node.args[2:3]:
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    yield argument.value


def all_causes() -> set[str]:
    return set(CAUSES) | dead_letter_causes()


def make_targets() -> set[str]:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z][a-z-]*):", text, re.MULTILINE))
