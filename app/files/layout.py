"""How a file is to be read where its own look does not say it: format, columns, encoding."""

from __future__ import annotations

from dataclasses import dataclass

from app.errors import InputError

#: Name of an encoding -> Python's. Each has a byte a character and agrees with ASCII, so line
#: ends and quotes are where they seem to be. `latin-1` is read as browsers read it: Windows has
#: always saved its superset under this name.
ENCODINGS = {
    "utf-8": "utf-8",
    "windows-1252": "windows-1252",
    "latin-1": "windows-1252",
    "latin-9": "iso8859-15",
    "mac-roman": "mac-roman",
    "cp850": "cp850",
}


@dataclass(frozen=True, slots=True)
class Layout:
    """What the options of a command say of a file; None: what the file itself shows.

    `question` and `reference` name columns of a CSV (whatever the case of letters) or keys of
    JSONL. `encoding` is a key of ENCODINGS. Raises InputError for what can't be meant.
    """

    format: str | None = None
    question: str | None = None
    reference: str | None = None
    encoding: str | None = None

    def __post_init__(self) -> None:
        if self.question is not None and _same(self.question, self.reference):
            raise InputError(
                f"{self.question!r} can't be both the question and the reference answer",
                field="reference_column",
            )
        if self.encoding is not None and self.encoding not in ENCODINGS:
            raise InputError(
                f"no encoding is named {self.encoding!r}: use {', '.join(ENCODINGS)}",
                field="encoding",
            )


def _same(question: str, reference: str | None) -> bool:
    return reference is not None and question.strip().lower() == reference.strip().lower()
