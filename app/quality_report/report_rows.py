"""A question as a row of the page: its attempts side by side."""

from __future__ import annotations

from collections.abc import Mapping

from app.charts.numbers import duration, shown
from app.core.lifecycle import Status
from app.quality_report.rows import Row, Try
from app.quality_report.table import Card, Column, TableRow

#: Beyond so many attempts a page shows the first and the last of them.
_MOST_CARDS = 12


def columns(metric: str) -> tuple[Column, ...]:
    return (
        Column("state", "state"),
        Column("question", "text"),
        Column("reference", "text"),
        Column("answer", "text"),
        Column(metric, "score", range=True),
        Column("generation", "count"),
    )


def urgency(row: Row) -> float:
    """Return how much a question needs a look: what did not pass, the lowest scores first."""
    score = row.score if row.score is not None else 1.0
    match row.status:
        case Status.LOW_QUALITY | Status.DEAD:
            return 1_000 - score
        case Status.VALIDATED:
            return 100 - score
        case Status.UNSCORED:
            return 10.0
        case _:
            return 500.0


def table_row(row: Row, labels: Mapping[str, str]) -> TableRow:
    tries = row.tries
    if len(tries) > _MOST_CARDS:
        tries = (*tries[: _MOST_CARDS // 2], *tries[-_MOST_CARDS // 2 :])
    cards = [Card("reference", row.reference)] if row.reference is not None else []
    cards += [_card(each, row) for each in tries]
    if not tries and row.answer is not None:
        cards.append(Card("answer", row.answer, facts=_figures(row.figures)))
    facts = [("id", row.question_id)]
    facts += [("cause", row.cause)] if row.cause else []
    facts += [("why", row.why)] if row.why else []
    facts += [("calls", shown(row.calls))] if len(row.tries) > _MOST_CARDS else []
    facts += [(name, str(value)) for name, value in list(row.metadata.items())[:8]]
    return TableRow(
        cells=(
            str(row.status),
            row.question,
            row.reference or "",
            row.answer or "",
            None if row.score is None else float(row.score),
            row.generation,
        ),
        cards=cards,
        facts=facts,
        groups=labels,
    )


def _card(each: Try, row: Row) -> Card:
    facts = _figures(each.figures)
    if each.why:
        facts.append(("why", each.why))
    if each.seconds is not None:
        facts.append(("took", duration(each.seconds)))
    if each.waited_seconds:
        facts.append(("waited", duration(each.waited_seconds)))
    if each.tokens is not None:
        facts.append(("tokens", shown(each.tokens)))
    if each.model:
        facts.append(("model", each.model))
    said = each.answer if each.answer is not None else f"No answer: {each.cause or 'not told'}"
    title = f"generation {each.generation}"
    title += f", attempt {each.attempt}" if each.attempt > 1 else ""
    return Card(title, said, _badge(each, row), facts)


def _badge(each: Try, row: Row) -> str:
    """Return the verdict; results of old versions tell only which answer was the last word."""
    if each.verdict:
        return each.verdict
    if each.answer is None:
        return "failed" if each.cause else ""
    return "pass" if row.passed and each.answer == row.answer else ""


def _figures(figures: Mapping[str, float]) -> list[tuple[str, str]]:
    names = {"precision": "P", "recall": "R", "f1": "F1"}
    return [(short, f"{figures[name]:.3f}") for name, short in names.items() if name in figures]
