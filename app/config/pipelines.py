"""The pipelines that a worker can run, and the setting that names them."""

from __future__ import annotations

QUESTIONS = "questions"
RATINGS = "ratings"
PIPELINES = (QUESTIONS, RATINGS)


def pipelines_of(value: str) -> tuple[str, ...]:
    """Return the pipelines that a list separated by commas names, each once. Raises ValueError."""
    names = list(dict.fromkeys(name.strip() for name in value.split(",") if name.strip()))
    unknown = [name for name in names if name not in PIPELINES]
    if unknown or not names:
        raise ValueError(
            f"unknown pipeline {', '.join(unknown) or '(none)'}; there are: {', '.join(PIPELINES)}"
        )
    return tuple(names)
