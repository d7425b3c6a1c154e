"""One pass over the questions: figures, the rows of the page, and the files beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.errors import InputError
from app.files.write import RowWriter, check_results_path, writing_results
from app.quality_report.figures import Figures
from app.quality_report.groups import labels_of
from app.quality_report.junit import JUnit
from app.quality_report.report_rows import table_row, urgency
from app.quality_report.rows import Row, row_of
from app.quality_report.table import Chosen


@dataclass(frozen=True, slots=True)
class Beside:
    """The files that are written in the same pass. None: not wanted."""

    csv: Path | None = None
    jsonl: Path | None = None
    junit: Path | None = None
    spreadsheet: bool = False

    def check(self) -> None:
        """Say before the work, not after it, what can't be written. Raises InputError."""
        for suffix, path in ((".csv", self.csv), (".jsonl", self.jsonl)):
            if path is not None and check_results_path(path).suffix.lower() != suffix:
                raise InputError(f"{path}: this file is to end in {suffix}", field=suffix[1:])


Sink = Callable[[Mapping[str, Any], Row], None]


class Report:
    """What a pass has found so far. `sinks` get every question, too."""

    def __init__(self, sinks: Sequence[Sink] = ()) -> None:
        self.figures = Figures()
        self.chosen = Chosen()
        self._sinks = sinks

    def add(self, found: Mapping[str, Any], row: Row | None = None) -> None:
        """Take in a question as it is shown everywhere. Raises RowError for what is none."""
        row = row or row_of(found)
        labels = labels_of(row)
        self.figures.add(row, labels)
        place = urgency(row)
        wanted = self.chosen.wants(place)
        self.chosen.add(place, table_row(row, labels) if wanted else None)
        for sink in self._sinks:
            sink(found, row)


@contextmanager
def building(beside: Beside) -> Iterator[Report]:
    """Give a report to fill; the files beside it are there, whole, after the block."""
    sinks: list[Sink] = []
    with ExitStack() as stack:
        for path in (beside.csv, beside.jsonl):
            if path is not None:
                writing = writing_results(path, spreadsheet=beside.spreadsheet)
                sinks.append(_writer(stack.enter_context(writing)))
        junit = stack.enter_context(closing(JUnit())) if beside.junit else None
        if junit is not None:
            sinks.append(lambda _, row: junit.add(row))
        yield Report(sinks)
        if junit is not None and beside.junit is not None:
            junit.write(beside.junit)


def _writer(write: RowWriter) -> Sink:
    return lambda found, _: write(dict(found))
