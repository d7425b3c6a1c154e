"""Reading a TOML file that a setting names: every mistake is told with file, line and key.

`tomllib` keeps no places, so the line of a key is looked for in the text again; where it can't be
found (inline tables), the number of the entry says enough.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from app.errors import SettingsError

#: A longer file is not one of ours.
MAX_FILE_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Entry:
    """One `[[name]]` of a file: its values, its number from 1, and its line (0: not found)."""

    values: Mapping[str, Any]
    number: int
    line: int


class TomlFile:
    """A file named by the setting `setting`. Raises SettingsError for whatever is wrong with it."""

    def __init__(self, path: Path, setting: str) -> None:
        self._path = path
        self._setting = setting
        try:
            with path.open("rb") as file:
                data = file.read(MAX_FILE_BYTES + 1)
            self._text = data.decode()
        except OSError as error:
            self.refuse(f"can't be read ({error.strerror})")
        except UnicodeDecodeError:
            self.refuse("is no UTF-8 text")
        if len(data) > MAX_FILE_BYTES:
            self.refuse(f"is over {MAX_FILE_BYTES} bytes")
        try:
            self.values: dict[str, Any] = tomllib.loads(self._text)
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            self.refuse(f"is no TOML: {error}")

    def refuse(self, why: str, line: int = 0) -> NoReturn:
        """Stop: the file can't be used."""
        place = f"{self._path}, line {line}" if line else str(self._path)
        raise SettingsError(f"{self._setting}: {place}: {why}", name=self._setting)

    def known_only(self, names: Iterable[str], known: Iterable[str], what: str, line: int) -> None:
        """Refuse names that are not known, with the nearest that is."""
        choices = list(known)
        for name in names:
            if name not in choices:
                self.refuse(f"{what}{name!r} is unknown{_hint(name, choices)}", line)

    def entries(self, name: str) -> Iterator[Entry]:
        """Yield the tables of `[[name]]` in order."""
        found = self.values.get(name, [])
        if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
            self.refuse(
                f"{name} is a list of tables: write [[{name}]] before each", self.line(name)
            )
        header = re.compile(rf"^\s*\[\[\s*{re.escape(name)}\s*\]\]")
        lines = [n for n, line in enumerate(self._text.splitlines(), 1) if header.match(line)]
        whole = len(lines) == len(found)
        for index, values in enumerate(found):
            yield Entry(values, index + 1, lines[index] if whole else 0)

    def line(self, key: str, after: int = 0) -> int:
        """Return the line that sets `key`, the first from line `after` on; `after` if none does."""
        pattern = re.compile(rf"""^\s*(?:\[+\s*)?["']?{re.escape(key)}["']?\s*[=\]]""")
        for number, text in enumerate(self._text.splitlines(), 1):
            if number >= max(after, 1) and pattern.match(text):
                return number
        return after


def _hint(name: str, choices: list[str]) -> str:
    near = difflib.get_close_matches(name, choices, n=1)
    known = f"known: {', '.join(choices)}"
    return f"; did you mean {near[0]!r}? ({known})" if near else f"; {known}"
