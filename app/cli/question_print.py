"""A question for people: how it ended and why, what it was scored by, and every attempt."""

from __future__ import annotations

from typing import Any

from app.cli.output import print_table, printable, stdout
from app.core.gate import RESCALED

_FIGURES = ("precision", "recall", "f1")


def print_question(row: dict[str, Any]) -> None:
    """Print a question as `StoredQuestion.as_json()` shows it, or the part there is of it."""
    lines = {
        **{name: row.get(name) for name in ("question_id", "status", "question_text")},
        **{name: row.get(name) for name in ("original_answer", "answer", "cause", "why")},
        "score": _score(row),
        "gate": _gate(row),
        "scorer": _scorer(row),
    }
    for name, value in lines.items():
        if value is not None:
            _print_line(name, value)
    attempts = row.get("attempts") or []
    if not attempts:
        return
    rounds = any("round" in each for each in attempts)
    print_table(
        "attempts",
        (
            "attempt",
            "strategy",
            "verdict",
            "why",
            "P",
            "R",
            "F1",
            "seconds",
            "tokens",
            "waited s",
            "answer",
        ),
        (
            (
                _place(each, rounds),
                each.get("strategy"),
                each.get("verdict"),
                each.get("why") or each.get("cause"),
                *(each.get(name) for name in _FIGURES),
                each["seconds"],
                each["tokens"],
                each["waited_seconds"],
                (each.get("answer") or "-")[:200],
            )
            for each in attempts
        ),
    )
    # Said of an attempt only where it is not what was said of the question.
    for each in attempts:
        for name, value, said in (
            ("gate", _gate(each), _gate(row)),
            ("scorer", _scorer(each), _scorer(row)),
        ):
            if value is not None and value != said:
                _print_line(f"{name} of {_place(each, rounds)}", value)


def _print_line(name: str, value: object) -> None:
    stdout().print(f"[bold]{name:>16}[/bold]  {printable(value)}")


def _place(attempt: dict[str, Any], rounds: bool) -> str:
    """Return `2.1`: the first try of the second generation; `1/2.1` in the round after a death."""
    before = f"{attempt.get('round', 0)}/" if rounds else ""
    return f"{before}{attempt['generation']}.{attempt['attempt']}"


def _score(row: dict[str, Any]) -> str | None:
    """Return `precision 0.912  recall 0.880  f1 0.896`."""
    if row.get("f1") is None:
        return None
    return "  ".join(f"{name} {row[name]:.3f}" for name in _FIGURES)


def _gate(row: dict[str, Any]) -> str | None:
    """Return what passes: `recall >= 0.525 (profile minilm-l6)`."""
    if row.get("threshold") is None:
        return None
    source = f" ({row['gate']})" if row.get("gate") else ""
    return f"{row.get('metric') or 'a metric not known'} >= {row['threshold']:g}{source}"


def _scorer(row: dict[str, Any]) -> str | None:
    """Return who scored: `minilm-l6:6, not rescaled (bert-score 0.3.13)`."""
    if row.get("scorer") is None:
        return None
    library = f" ({row['library']})" if row.get("library") else ""
    name = str(row["scorer"]).removesuffix(RESCALED)
    return f"{name}, {'rescaled' if row.get('rescaled') else 'not rescaled'}{library}"
