"""Questions out of the database, streamed: by filters, or by the rows of an input file."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from app.adapters.store.cursor import MAX_PAGE, Position, encode_cursor
from app.core.identity import RunRows, idempotent_id, question_id
from app.core.lifecycle import Status
from app.core.questions import StoredQuestion
from app.files import Layout, QuestionRow, read_questions
from app.files.read import AS_IT_LOOKS
from app.opening import model_of
from app.ports import AnswerStore
from app.settings import Settings

_READ = 500


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which questions; times are Unix seconds of acceptance. Metadata is compared as text."""

    since: float | None = None
    until: float | None = None
    statuses: Sequence[Status] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)

    def fits(self, status: Status, metadata: Mapping[str, Any]) -> bool:
        """Tell whether a question fits, apart from its time."""
        if self.statuses and status not in self.statuses:
            return False
        return all(
            name in metadata and _text(metadata[name]) == value
            for name, value in self.metadata.items()
        )

    def covers(self, accepted_at: float | None) -> bool:
        """Tell whether a time fits; one that is not known fits no limit."""
        if self.since is None and self.until is None:
            return True
        if accepted_at is None:
            return False
        after = self.since is None or accepted_at >= self.since
        return after and (self.until is None or accepted_at < self.until)

    def as_words(self) -> list[str]:
        """Return the filters as a page says them."""
        from app.charts.numbers import moment

        said = [f"since {moment(self.since)}"] if self.since is not None else []
        said += [f"before {moment(self.until)}"] if self.until is not None else []
        said += [" or ".join(str(each) for each in self.statuses)] if self.statuses else []
        return said + [f"{name} = {value}" for name, value in self.metadata.items()]


async def stream(store: AnswerStore, wanted: Wanted) -> AsyncIterator[list[StoredQuestion]]:
    """Give questions with their attempts in batches, the newest first. Raises StoreUnavailable."""
    cursor = None if wanted.until is None else encode_cursor(Position(wanted.until, ""))
    status = wanted.statuses[0] if len(wanted.statuses) == 1 else None
    while True:
        page = await store.questions(status=status, limit=min(_READ, MAX_PAGE), cursor=cursor)
        new = [q for q in page.questions if wanted.since is None or q.accepted_at >= wanted.since]
        ids = [q.question_id for q in new if wanted.fits(q.status, q.metadata)]
        if ids:
            found = {q.question_id: q for q in await store.questions_by_id(ids)}
            yield [found[each] for each in ids if each in found]
        if page.cursor is None or len(new) < len(page.questions):
            return
        cursor = page.cursor


async def stream_ids(
    store: AnswerStore, ids: Iterator[str], wanted: Wanted
) -> AsyncIterator[list[StoredQuestion]]:
    """Give the known ones of these ids that fit, in their order, equal ones repeated."""
    while batch := list(islice(ids, _READ)):
        known = await store.questions_by_id(list(dict.fromkeys(batch)))
        found = {q.question_id: q for q in known}
        questions = [found[each] for each in batch if each in found]
        yield [
            q
            for q in questions
            if wanted.covers(q.accepted_at) and wanted.fits(q.status, q.metadata)
        ]


async def ids_of_file(
    settings: Settings, file: Path, layout: Layout = AS_IT_LOOKS
) -> Iterator[str]:
    """Return the ids that `run` derives for the rows of a file (`ids_of_run`: of `run --fresh`).

    Raises InputError for a file that can't be read, UnavailableError when `LLM=auto:` finds
    no model.
    """
    rows = read_questions(file, layout)
    model = await _model_name(settings)
    return (
        question_id(row.question_text, row.original_answer, model)
        for row in rows
        if isinstance(row, QuestionRow)
    )


def ids_of_run(run_id: str, file: Path, layout: Layout = AS_IT_LOOKS) -> Iterator[str]:
    """Return the ids of the rows of a file in a `run --fresh`. Raises InputError."""
    rows = (row for row in read_questions(file, layout) if isinstance(row, QuestionRow))
    keys = RunRows(run_id)
    return (idempotent_id(keys.key(row)) for row in rows)


async def _model_name(settings: Settings) -> str:
    from app.adapters.llm.auto import resolve_model

    model = await resolve_model(model_of(settings))
    try:
        return model.model
    finally:
        await model.close()


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)
