"""The file of the setting STRATEGIES_FILE: how each generation of a question is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from app.config.toml import Entry, TomlFile
from app.core.strategies import (
    MAX_TOKENS_BOUNDS,
    PLACEHOLDER,
    SEED_BOUNDS,
    TEMPERATURE_BOUNDS,
    Strategy,
    system_problem,
    template_problem,
)

SETTING = "ANSWERLOOP_STRATEGIES_FILE"
_KEYS = ("temperature", "seed", "prompt", "system", "max_tokens", "model")
_LONGEST_NAME = 256
#: As many as MAX_GENERATIONS can ask for.
MAX_STRATEGIES = 100


def read_strategies(path: Path) -> tuple[Strategy, ...]:
    """Return the strategies of a file, by generation. Raises SettingsError with the place."""
    file = TomlFile(path, SETTING)
    for name in file.values:
        file.known_only([name], ("generation",), "the table ", file.line(name))
    found = tuple(_strategy(file, entry) for entry in file.entries("generation"))
    if not 1 <= len(found) <= MAX_STRATEGIES:
        file.refuse(f"it has {len(found)} generations: 1 to {MAX_STRATEGIES} [[generation]] tables")
    return found


def _strategy(file: TomlFile, entry: Entry) -> Strategy:
    for key in entry.values:
        what = f"generation {entry.number}: the key "
        file.known_only([key], _KEYS, what, file.line(key, entry.line))
    values = entry.values
    strategy = Strategy(
        temperature=float(_number(file, entry, "temperature", 0.0, TEMPERATURE_BOUNDS)),
        seed=int(_number(file, entry, "seed", entry.number, SEED_BOUNDS)),
        prompt=_text(file, entry, "prompt", PLACEHOLDER),
        system=_text(file, entry, "system", ""),
        max_tokens=int(_number(file, entry, "max_tokens", 512, MAX_TOKENS_BOUNDS)),
        model=_text(file, entry, "model", ""),
    )
    problem = template_problem(strategy.prompt)
    if problem:
        _refuse(file, entry, "prompt", problem)
    problem = system_problem(strategy.system)
    if problem:
        _refuse(file, entry, "system", problem)
    if "model" in values and not (strategy.model.strip() and len(strategy.model) <= _LONGEST_NAME):
        _refuse(file, entry, "model", f"a name of 1 to {_LONGEST_NAME} characters is needed")
    return strategy


def _number(
    file: TomlFile, entry: Entry, key: str, default: float, bounds: tuple[float, float]
) -> float:
    value: Any = entry.values.get(key, default)
    kinds: tuple[type, ...] = (int, float) if isinstance(bounds[0], float) else (int,)
    if type(value) not in kinds or not bounds[0] <= value <= bounds[1]:
        kind = "a number" if float in kinds else "a whole number"
        _refuse(file, entry, key, f"{kind} from {bounds[0]:.0f} to {bounds[1]:.0f} is needed")
    return float(value) if float in kinds else value


def _text(file: TomlFile, entry: Entry, key: str, default: str) -> str:
    value: Any = entry.values.get(key, default)
    if not isinstance(value, str):
        _refuse(file, entry, key, "a text is needed")
    return str(value)


def _refuse(file: TomlFile, entry: Entry, key: str, why: str) -> None:
    file.refuse(f"generation {entry.number}: {key}: {why}", file.line(key, entry.line))
