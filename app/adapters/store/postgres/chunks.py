"""What comes in chunks: acceptances, waits and ends. A batch holds the chunks of several stages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.adapters.store.facts import accepted_row, ended_row, fold_rows, move_of_wait
from app.adapters.store.postgres import questions as writes
from app.core.lifecycle import is_over
from app.ports import Accepted, DeadLetterRow, Ending, Waiting

Endings = tuple[Sequence[Ending], Sequence[DeadLetterRow]]


async def accept(connection: Any, chunks: Sequence[Sequence[Accepted]]) -> list[set[str]]:
    """Store acceptances in one statement; tell of each chunk what has ended already."""
    facts = [fact for chunk in chunks for fact in chunk]
    rows = fold_rows(map(accepted_row, facts))
    stored = await writes.put_and_tell(connection, rows, [fact.question_id for fact in facts])
    return [
        {
            fact.question_id
            for fact in chunk
            if (found := stored.get(fact.question_id)) is not None
            if found[0].final and found[1].round >= fact.turn.round
        }
        for chunk in chunks
    ]


async def wait(connection: Any, chunks: Sequence[Sequence[Waiting]]) -> list[set[str]]:
    """Show that questions wait, in a transaction; tell of each chunk what is over already."""
    waits = [wait for chunk in chunks for wait in chunk]
    await writes.move_questions(connection, [move_of_wait(wait) for wait in waits])
    stored = await writes.read_statuses(connection, [wait.question_id for wait in waits])
    return [
        {
            wait.question_id
            for wait in chunk
            if (found := stored.get(wait.question_id)) is not None
            and is_over(found[1], found[0], wait.turn)
        }
        for chunk in chunks
    ]


def without_letters(chunks: Sequence[Endings]) -> bool:
    """Tell whether `finish` is one statement."""
    return not any(letters for _, letters in chunks)


async def finish(connection: Any, chunks: Sequence[Endings]) -> list[None]:
    """Store ends, and dead letters with them, in a transaction where there are some."""
    rows = fold_rows(ended_row(ending) for endings, _ in chunks for ending in endings)
    await writes.put_questions(connection, rows)
    await writes.bury(connection, [letter for _, letters in chunks for letter in letters])
    return [None] * len(chunks)
