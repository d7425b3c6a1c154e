"""The documentation as text: pages, tables, sections, links, and the paths that it names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

#: Page (path from the root of the repository) -> its text.
Pages = Mapping[str, str]

_NAMED = re.compile(r"`((?:app|agents|tables|models|tests|docs|bench|docker|\.ci)(?:/[\w./-]*)?)`")
_ROOT_FILE = re.compile(r"`(setup\.cfg|Makefile|[\w-]+\.toml|requirements[\w.-]*)`")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^```.*?^```\n?", re.MULTILINE | re.DOTALL)


def read_pages() -> dict[str, str]:
    """Return README, CHANGELOG and every page of docs/."""
    paths = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("**/*.md"))]
    return {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in paths}


def rows(text: str) -> list[list[str]]:
    """Return the cells of every table row, header rows and rulers left out."""
    found: list[list[str]] = []
    lines = text.splitlines()
    for number, line in enumerate(lines):
        below = lines[number + 1] if number + 1 < len(lines) else ""
        if not line.startswith("|") or _is_ruler(line) or _is_ruler(below):
            continue
        found.append([cell.strip() for cell in line.strip().strip("|").split("|")])
    return found


def table(text: str) -> dict[str, list[str]]:
    """Return table rows by the name in backticks that is their first cell."""
    named = ((re.fullmatch(r"`([^`]+)`", row[0]), row[1:]) for row in rows(text))
    return {match.group(1): rest for match, rest in named if match}


def section(text: str, heading: str) -> str | None:
    """Return what follows a heading, up to the next one of the same or a higher level."""
    level = len(heading) - len(heading.lstrip("#"))
    start = re.search(rf"^{re.escape(heading)}$", text, re.MULTILINE)
    if start is None:
        return None
    end = re.search(rf"^#{{1,{level}}} ", text[start.end() :], re.MULTILINE)
    return text[start.end() :][: end.start() if end else None]


def headings(text: str, level: int) -> list[str]:
    """Return the headings of one level, code blocks left out."""
    plain = _FENCE.sub("", text)
    return re.findall(rf"^{'#' * level} (.+)$", plain, re.MULTILINE)


def backticked(text: str) -> set[str]:
    """Return every piece of `code` of a text."""
    return set(re.findall(r"`([^`\n]+)`", _FENCE.sub("", text)))


def code_blocks(text: str) -> str:
    return "\n".join(_FENCE.findall(text))


def links(text: str) -> list[str]:
    """Return the targets of the links that stay in the repository, anchors included."""
    found = _LINK.findall(_FENCE.sub("", text))
    return [target for target in found if not re.match(r"[a-z]+:", target)]


def anchors(text: str) -> set[str]:
    """Return what a link's `#...` may be in a page."""
    found = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in found}


def named_paths(text: str) -> set[str]:
    """Return the files and folders of this repository that a text names in backticks."""
    plain = _FENCE.sub("", text)
    return {match.rstrip("/") for match in (*_NAMED.findall(plain), *_ROOT_FILE.findall(plain))}


def _is_ruler(line: str) -> bool:
    return bool(re.fullmatch(r"\|[-:| ]+\|", line.strip()))
