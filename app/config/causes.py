"""The file of the setting CAUSES_FILE: which failures have which cause, and where causes lead."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from app.config.toml import Entry, TomlFile
from app.core.causes import PROVIDERS, CauseTable, Rule
from app.core.failures import BREAKS, CAUSES, Route

SETTING = "ANSWERLOOP_CAUSES_FILE"
_CONDITIONS = ("status", "code", "broken", "text", "contains")
_KEYS = ("provider", *_CONDITIONS, "cause")
_LONGEST_TEXT = 500


def read_causes(path: Path) -> CauseTable:
    """Return the table of a file. Raises SettingsError that names file, line and key."""
    file = TomlFile(path, SETTING)
    for name in file.values:
        file.known_only([name], ("rule", "routes"), "the table ", file.line(name))
    return CauseTable(
        rules=tuple(_rule(file, entry) for entry in file.entries("rule")),
        routes=_routes(file),
    )


def _rule(file: TomlFile, entry: Entry) -> Rule:
    where = f"rule {entry.number}: "
    for key in entry.values:
        file.known_only([key], _KEYS, f"{where}the key ", file.line(key, entry.line))
    if "cause" not in entry.values:
        file.refuse(f"{where}it names no cause", entry.line)
    if not set(_CONDITIONS) & entry.values.keys():
        needed = ", ".join(_CONDITIONS)
        file.refuse(f"{where}it needs a condition: one of {needed}", entry.line)
    texts = {key: _text(file, entry, key) for key in _KEYS if key != "status"}
    _one_of(file, entry, "cause", texts["cause"], tuple(CAUSES))
    if texts["broken"]:
        _one_of(file, entry, "broken", texts["broken"], BREAKS)
    _provider(file, entry, texts["provider"])
    return Rule(**texts, statuses=_statuses(file, entry), line=entry.line)


def _text(file: TomlFile, entry: Entry, key: str) -> str:
    value = entry.values.get(key, "")
    fits = isinstance(value, str) and len(value) <= _LONGEST_TEXT
    if not fits or (key in entry.values and not value.strip()):
        file.refuse(
            f"rule {entry.number}: {key} is a text of 1 to {_LONGEST_TEXT} characters",
            file.line(key, entry.line),
        )
    return str(value)


def _statuses(file: TomlFile, entry: Entry) -> tuple[int, ...]:
    value: Any = entry.values.get("status", [])
    numbers = value if isinstance(value, list) else [value]
    fit = all(type(number) is int and 100 <= number <= 599 for number in numbers)
    if not fit or ("status" in entry.values and not numbers):
        file.refuse(
            f"rule {entry.number}: status is a number from 100 to 599, or a list of such",
            file.line("status", entry.line),
        )
    return tuple(numbers)


def _one_of(file: TomlFile, entry: Entry, key: str, value: str, known: tuple[str, ...]) -> None:
    line = file.line(key, entry.line)
    file.known_only([value], known, f"rule {entry.number}: the {key} ", line)


def _provider(file: TomlFile, entry: Entry, value: str) -> None:
    """A kind, or a host, which has a dot or a colon: a misspelt kind must not pass for a host."""
    host = "." in value or ":" in value or value.lower() == "localhost"
    if value and not host and value.lower() not in PROVIDERS:
        line = file.line("provider", entry.line)
        what = f"rule {entry.number}: a host has a dot or a port; the provider "
        file.known_only([value], PROVIDERS, what, line)
    if "/" in value or "@" in value or any(c.isspace() for c in value):
        file.refuse(
            f"rule {entry.number}: provider is a kind or `host[:port]`, without scheme or path",
            file.line("provider", entry.line),
        )


def _routes(file: TomlFile) -> dict[str, Route]:
    found = file.values.get("routes", {})
    start = file.line("routes")
    if not isinstance(found, dict):
        file.refuse("routes is a table: write [routes], then `cause = route`", start)
    choices = tuple(str(route) for route in Route)
    routes = {}
    for name, value in found.items():
        line = file.line(name, start)
        file.known_only([name], CAUSES, "routes: the cause ", line)
        if not isinstance(value, str):
            file.refuse(f"routes: {name} is one of {', '.join(choices)}", line)
        file.known_only([value], choices, f"routes: {name}: the route ", line)
        routes[name] = Route(value)
    return routes
