"""Which rows of a file are taken: all, or as many as are asked for, by chance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from app.calibration.builtin import PATH, built_in_rows
from app.calibration.pairs import Known
from app.calibration.read import NEEDED, KnownFile, Skipped
from app.errors import InputError
from app.files.rows import BadRow


@dataclass(slots=True)
class Sample:
    """Answers whose quality is known, and what was left out on the way to them."""

    source: str
    known: list[Known] = field(default_factory=list)
    labelled: bool = False
    #: The answers are a model's, and nobody has said which are good.
    unchecked: bool = False
    #: Good rows of the file in all: more than `known` where a part was drawn.
    answers: int = 0
    skipped: int = 0
    bad_rows: int = 0


def read_sample(
    path: Path,
    file_format: str | None,
    most: int,
    seed: int,
    on_bad_row: Callable[[BadRow], None],
) -> Sample:
    """Read a file; of more than `most` answers draw as many (reservoir), in bounded memory.

    Raises InputError when the file can't be used, or has no answer beside a reference.
    """
    file = KnownFile(path, file_format)
    sample = Sample(str(path), labelled=file.labelled)
    sample.unchecked = file.of_a_run and not file.labelled
    random = Random(seed)
    for row in file.rows():
        if isinstance(row, BadRow):
            sample.bad_rows += 1
            on_bad_row(row)
        elif isinstance(row, Skipped):
            sample.skipped += 1
        else:
            for known in row:
                _draw(sample, known, most, random)
    if not sample.known:
        raise InputError(
            f"{path} has no row with an answer and a reference ({sample.skipped} rows lack one, "
            f"{sample.bad_rows} can't be read). {NEEDED}",
            field="answer",
        )
    sample.known.sort(key=lambda known: known.line)
    return sample


def _draw(sample: Sample, known: Known, most: int, random: Random) -> None:
    sample.answers += 1
    if len(sample.known) < most:
        sample.known.append(known)
    elif (at := random.randrange(sample.answers)) < most:
        sample.known[at] = known


def built_in_sample() -> Sample:
    """Return the answers that come with the project."""
    known = [
        Known(line, row.question, row.reference, answer, True, row.language)
        for line, row in enumerate(built_in_rows(), 1)
        for answer in (row.short, row.long)
    ]
    return Sample(f"built-in pairs ({PATH.name})", known, answers=len(known))
