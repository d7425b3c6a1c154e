"""The shell blocks of the pages, as a reader would type them: one command at a time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tests.docs.pages import Pages

_BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
#: These change the shell that the block's later commands run in.
_KEPT = re.compile(r"^(export|cd|\w+=\S*$)")


@dataclass(frozen=True, slots=True)
class ShellCommand:
    """A command of a page, and what was exported before it in its block."""

    page: str
    text: str
    before: tuple[str, ...] = ()


def shell_commands(pages: Pages) -> Iterator[ShellCommand]:
    """Yield the commands of all `sh` blocks in order, each text with what goes before it once."""
    seen = set()
    for page, text in pages.items():
        for block in _BLOCK.findall(text):
            before: tuple[str, ...] = ()
            for line in re.sub(r"\\\n\s*", " ", block).splitlines():
                command = ShellCommand(page, line.strip(), before)
                if not command.text or command.text.startswith("#"):
                    continue
                if _KEPT.match(command.text):
                    before = (*before, command.text)
                if (command.text, command.before) not in seen:
                    seen.add((command.text, command.before))
                    yield command
