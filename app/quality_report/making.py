"""From questions in the database, or in a results file, to a filled report."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

from app.core.questions import StoredQuestion
from app.ports import AnswerStore
from app.quality_report.builder import Report
from app.quality_report.reading import Wanted
from app.quality_report.results import read_results

#: Told how many questions were read so far.
Progress = Callable[[int], None]


async def fill_from_database(
    report: Report,
    store: AnswerStore,
    batches: AsyncIterator[list[StoredQuestion]],
    progress: Progress,
    *,
    repeats: bool = False,
) -> None:
    """Add questions as they come, with what their calls cost. Raises StoreUnavailable.

    With `repeats` a question may come again: its calls are paid once.
    """
    report.figures.tell_costs({})
    seen: set[str] = set()
    read = 0
    async for questions in batches:
        ids = dict.fromkeys(each.question_id for each in questions)
        new = [each for each in ids if each not in seen]
        if repeats:
            seen.update(new)
        if new:
            report.figures.tell_costs(await store.costs(new))
        for question in questions:
            report.add(question.as_json())
        read += len(questions)
        progress(read)


def fill_from_results(report: Report, path: Path, wanted: Wanted, progress: Progress) -> None:
    """Add the results of a file that fit. Raises InputError."""
    for read, (found, row) in enumerate(read_results(path), 1):
        if wanted.covers(row.accepted_at) and wanted.fits(row.status, row.metadata):
            report.add(found, row)
        if read % 500 == 0:
            progress(read)
