"""How a fact about a question changes what is stored of it: pure, and shared by both stores.

The memory store applies facts to its rows. The PostgreSQL store folds the facts of a batch first,
because one statement may touch a row only once; the same order is in SQL (`answerloop_supersedes`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from app.adapters.store.text import clean_json, clean_optional, clean_text
from app.core.lifecycle import Status, Turn, supersedes
from app.core.questions import StoredQuestion
from app.ports import Accepted, Ending, Waiting


@dataclass(frozen=True, slots=True)
class Move:
    """A question that is known moves to a state that is not final. Unknown ids are left alone."""

    question_id: str
    turn: Turn
    status: Status
    due_at: float | None = None
    cause: str | None = None
    deadline_at: float | None = None


def move_of_wait(wait: Waiting) -> Move:
    """Return the move to `waiting`."""
    return Move(wait.question_id, wait.turn, Status.WAITING, wait.due_at, wait.cause)


def accepted_row(fact: Accepted) -> StoredQuestion:
    """Return the row of a question that was just accepted."""
    return StoredQuestion(
        question_id=clean_text(fact.question_id),
        status=Status.ACCEPTED,
        question_text=clean_text(fact.question_text),
        original_answer=clean_optional(fact.original_answer),
        model=clean_text(fact.model),
        turn=fact.turn,
        accepted_at=fact.accepted_at,
        metadata=clean_json(fact.metadata),
        trace_context=fact.trace_context,
    )


def ended_row(fact: Ending) -> StoredQuestion:
    """Return the row of a question that ended."""
    return StoredQuestion(
        question_id=clean_text(fact.question_id),
        status=fact.status,
        question_text=clean_text(fact.question_text),
        original_answer=clean_optional(fact.original_answer),
        model=clean_text(fact.model),
        turn=fact.turn,
        accepted_at=fact.accepted_at,
        answer=clean_optional(fact.answer),
        score=fact.score,
        threshold=fact.threshold,
        metric=clean_optional(fact.metric),
        gate=clean_optional(fact.gate),
        scorer=clean_optional(fact.scorer),
        library=clean_optional(fact.library),
        cause=clean_optional(fact.cause),
        why=clean_optional(fact.why),
        finished_at=fact.finished_at,
        metadata=clean_json(fact.metadata),
    )


def put_row(old: StoredQuestion | None, new: StoredQuestion) -> StoredQuestion:
    """Return what is stored after an acceptance or an ending.

    A new round is a new question; within a round text, reference, model, metadata, time of
    acceptance and trace context stay as they were first stored.
    """
    if old is None:
        return new
    if not supersedes(old.turn, old.status, new.turn, new.status):
        return old
    if new.turn.round != old.turn.round:
        return new
    return replace(
        new,
        question_text=old.question_text,
        original_answer=old.original_answer,
        model=old.model,
        accepted_at=old.accepted_at,
        metadata=old.metadata,
        trace_context=old.trace_context,
    )


def move_row(old: StoredQuestion, move: Move) -> StoredQuestion:
    """Return what is stored after a move. It has no result: nothing that is final moves."""
    if not supersedes(old.turn, old.status, move.turn, move.status):
        return old
    return replace(
        old,
        status=move.status,
        turn=move.turn,
        due_at=move.due_at,
        cause=clean_optional(move.cause),
        answer=None,
        score=None,
        threshold=None,
        metric=None,
        gate=None,
        scorer=None,
        library=None,
        why=None,
        finished_at=None,
    )


def clean_question(row: StoredQuestion) -> StoredQuestion:
    """Return a row with what PostgreSQL can't hold replaced."""
    return replace(
        row,
        question_id=clean_text(row.question_id),
        question_text=clean_text(row.question_text),
        original_answer=clean_optional(row.original_answer),
        model=clean_text(row.model),
        metadata=clean_json(row.metadata),
    )


def fold_rows(rows: Iterable[StoredQuestion]) -> list[StoredQuestion]:
    """Return one row for each question: what applying them one after the other would leave."""
    folded: dict[str, StoredQuestion] = {}
    for row in rows:
        folded[row.question_id] = put_row(folded.get(row.question_id), row)
    return list(folded.values())


def fold_moves(moves: Iterable[Move]) -> list[Move]:
    """Return the one move of each question that supersedes the others."""
    folded: dict[str, Move] = {}
    for move in moves:
        old = folded.get(move.question_id)
        if old is None or supersedes(old.turn, old.status, move.turn, move.status):
            folded[move.question_id] = move
    return list(folded.values())
