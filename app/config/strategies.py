"""The file of the setting STRATEGIES_FILE: how each generation of a question is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from app.config.toml import Entry, TomlFile
from app.core.guards.language import LANGUAGES
from app.core.strategies import (
    MAX_TOKENS_BOUNDS,
    REASONS,
    SEED_BOUNDS,
    TEMPERATURE_BOUNDS,
    Change,
    Strategies,
    Strategy,
)
from app.core.templates import PLACEHOLDER, system_problem, template_problem

SETTING = "ANSWERLOOP_STRATEGIES_FILE"
_ASKED = ("name", "temperature", "prompt", "system", "max_tokens", "model")
_KEYS = {
    "generation": (*_ASKED, "seed"),
    "when": (*_ASKED, "rejected_by", "language", "generation"),
}
_LONGEST_NAME = 40
_LONGEST_MODEL = 256
#: As many as MAX_GENERATIONS can ask for.
MAX_STRATEGIES = 100


def read_strategies(path: Path) -> Strategies:
    """Return what a file says. Raises SettingsError with the place."""
    file = TomlFile(path, SETTING)
    for name in file.values:
        file.known_only([name], _KEYS, "the table ", file.line(name))
    generations = tuple(
        _strategy(_Table(file, "generation", entry)) for entry in file.entries("generation")
    )
    changes = tuple(_change(_Table(file, "when", entry)) for entry in file.entries("when"))
    for kind, found, least in (("generation", generations, 1), ("when", changes, 0)):
        if not least <= len(found) <= MAX_STRATEGIES:
            file.refuse(
                f"it has {len(found)} {kind} tables: {least} to {MAX_STRATEGIES} [[{kind}]] tables"
            )
    return Strategies(generations, changes)


def _strategy(table: _Table) -> Strategy:
    return Strategy(
        temperature=float(table.number("temperature", TEMPERATURE_BOUNDS) or 0),
        seed=int(table.number("seed", SEED_BOUNDS, table.entry.number)),
        prompt=table.template() or PLACEHOLDER,
        system=table.system() or "",
        max_tokens=int(table.number("max_tokens", MAX_TOKENS_BOUNDS, 512)),
        model=table.name("model", _LONGEST_MODEL) or "",
        name=table.name("name", _LONGEST_NAME) or "",
    )


def _change(table: _Table) -> Change:
    generation = int(table.number("generation", (1, 10_000), 0))
    rejected_by = table.reasons()
    if rejected_by and generation == 1:
        table.refuse("generation", "nothing was rejected before the first: 2 or more is needed")
    change = Change(
        rejected_by=rejected_by,
        language=table.language(),
        generation=generation,
        temperature=table.number("temperature", TEMPERATURE_BOUNDS),
        prompt=table.template(),
        system=table.system(),
        max_tokens=table.number("max_tokens", MAX_TOKENS_BOUNDS),
        model=table.name("model", _LONGEST_MODEL),
        name=table.name("name", _LONGEST_NAME) or "",
    )
    if not (change.rejected_by or change.language or change.generation):
        table.refuse("", "it needs rejected_by, language or generation: when does it apply?")
    if not set(table.entry.values) & {*_ASKED} - {"name"}:
        table.refuse("", f"it changes nothing: give it some of {', '.join(_ASKED[1:])}")
    return change


class _Table:
    """One `[[kind]]` of the file; each value is checked as it is taken, absent ones are None."""

    def __init__(self, file: TomlFile, kind: str, entry: Entry) -> None:
        self._file = file
        self._kind = kind
        self.entry = entry
        for key in entry.values:
            what = f"{kind} {entry.number}: the key "
            file.known_only([key], _KEYS[kind], what, file.line(key, entry.line))

    def refuse(self, key: str, why: str) -> None:
        """Stop: the key's value can't be used; no key: the table."""
        line = self._file.line(key, self.entry.line) if key else self.entry.line
        what = f"{key}: " if key else ""
        self._file.refuse(f"{self._kind} {self.entry.number}: {what}{why}", line)

    def number(self, key: str, bounds: tuple[Any, Any], default: Any = None) -> Any:
        """Return a number within bounds, whole where these are whole."""
        if key not in self.entry.values:
            return default
        value = self.entry.values[key]
        real = isinstance(bounds[0], float)
        if type(value) not in ((int, float) if real else (int,)) or not (
            bounds[0] <= value <= bounds[1]
        ):
            kind = "a number" if real else "a whole number"
            self.refuse(key, f"{kind} from {bounds[0]:.0f} to {bounds[1]:.0f} is needed")
        return float(value) if real else value

    def text(self, key: str) -> str | None:
        value = self.entry.values.get(key)
        if key in self.entry.values and not isinstance(value, str):
            self.refuse(key, "a text is needed")
        return value

    def name(self, key: str, longest: int) -> str | None:
        value = self.text(key)
        if value is not None and not (
            value.strip() and len(value) <= longest and value.isprintable()
        ):
            self.refuse(key, f"a name of 1 to {longest} characters is needed")
        return value

    def template(self) -> str | None:
        value = self.text("prompt")
        if value is not None and (problem := template_problem(value)):
            self.refuse("prompt", problem)
        return value

    def system(self) -> str | None:
        value = self.text("system")
        if value is not None and (problem := system_problem(value)):
            self.refuse("system", problem)
        return value

    def language(self) -> str:
        value = self.text("language")
        if value is not None and value not in LANGUAGES:
            self.refuse("language", f"it is one of {', '.join(LANGUAGES)}")
        return value or ""

    def reasons(self) -> tuple[str, ...]:
        """Return the names of what may have rejected the answer: one, or a list of them."""
        value = self.entry.values.get("rejected_by", [])
        names = [value] if isinstance(value, str) else value
        if not isinstance(names, list) or not all(name in REASONS for name in names):
            self.refuse("rejected_by", f"it is one or a list of {', '.join(REASONS)}")
        if "rejected_by" in self.entry.values and not names:
            self.refuse("rejected_by", "the list is empty: leave it out for any reason")
        return tuple(names)
