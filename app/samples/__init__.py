"""Files that come with the project: the questions of the demo, and examples for the docs."""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).parent


def samples_path() -> Path:
    """Return the file of 60 questions (40 in English, 20 in Spanish) that `make demo` answers."""
    return _HERE / "questions.jsonl"


def bad_rows_path() -> Path:
    """Return a small CSV with good and bad rows, one for each kind of fault."""
    return _HERE / "bad_rows.csv"


def yahoo_sample_path() -> Path:
    """Return eight rows in the format of the Yahoo! Answers set."""
    return _HERE / "yahoo_sample.csv"
