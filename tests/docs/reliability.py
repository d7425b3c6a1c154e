"""The check of docs/reliability.md: rows that name their item, a test that exists, and a figure."""

from __future__ import annotations

import re

from tests.docs.pages import ROOT, Pages, rows

#: The faults of the catalogue: none may vanish from the page.
ITEMS = {
    f"{letter}{number}"
    for letter, numbers in {
        "C": "123456",
        "B": "1234",
        "L": "123456",
        "P": "1234",
        "D": "123",
        "M": "12",
        "I": "123",
        "T": "12356",
        "S": "1",
        "H": "1234567",
        "G": "12",
        "K": "1",
    }.items()
    for number in numbers
}
_ITEM = re.compile(r"[A-Z]\d{1,2}")
_TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def reliability_page(pages: Pages) -> list[str]:
    """Every row is whole, and the tests that it names exist."""
    found = {cells[0] for cells in rows(pages["docs/reliability.md"])}
    wrong = [f"{item} has no row" for item in sorted(ITEMS - found)]
    for cells in rows(pages["docs/reliability.md"]):
        item = cells[0]
        if not _ITEM.fullmatch(item):
            wrong.append(f"{item[:40]} is no item")
            continue
        if len(cells) != 6 or not all(cells):
            wrong.append(f"{item}: a row has item, fault, promise, test, measured, again")
            continue
        named = _TEST.findall(cells[3])
        if not named:
            wrong.append(f"{item}: no test is named (file::function)")
        wrong += [
            f"{item}: {path}::{name} does not exist" for path, name in named if _no(path, name)
        ]
    return wrong


def _no(path: str, function: str) -> bool:
    file = ROOT / path
    pattern = rf"^\s*(?:async )?def {re.escape(function)}\("
    return not file.is_file() or not re.search(pattern, file.read_text(), re.MULTILINE)
