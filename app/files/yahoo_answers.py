"""The Yahoo! Answers topic classification set: CSV without a header, four columns.

Class (1 to 10), question title, question content, best answer. All but the class are quoted,
quotes inside are doubled, and a line end is the two characters backslash and n.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from app.files.encoding import decoded_lines
from app.files.layout import Layout
from app.files.lines import Line
from app.files.records import Record, read_records, record_fields, wrong_width
from app.files.rows import BadRow, QuestionRow, bad_row, checked_row

#: The set's own names of its classes 1 to 10 (classes.txt).
TOPICS = (
    "Society & Culture",
    "Science & Mathematics",
    "Health",
    "Education & Reference",
    "Computers & Internet",
    "Sports",
    "Business & Finance",
    "Entertainment & Music",
    "Family & Relationships",
    "Politics & Government",
)
DELIMITER = ","
_COLUMNS = 4
_CLASSES = {str(number): number for number in range(1, len(TOPICS) + 1)}


def looks_like_yahoo(first: Line) -> bool:
    """Tell whether a line reads as a row of the set: four columns, the first a class."""
    fields = record_fields(next(read_records([first], DELIMITER)), DELIMITER)
    return not isinstance(fields, BadRow) and len(fields) == _COLUMNS and fields[0] in _CLASSES


def yahoo_rows(path: Path, layout: Layout) -> Iterator[QuestionRow | BadRow]:
    """Give the rows of the file."""
    with path.open("rb") as file:
        for record in read_records(decoded_lines(file, layout.encoding), DELIMITER):
            yield _row(record)


def _row(record: Record) -> QuestionRow | BadRow:
    fields = record_fields(record, DELIMITER)
    if isinstance(fields, BadRow):
        return fields
    if len(fields) != _COLUMNS:
        return wrong_width(record, fields, f"Yahoo! Answers has {_COLUMNS}")
    number = _CLASSES.get(fields[0].strip())
    if number is None:
        reason = f"class must be 1 to {len(TOPICS)}, it is {fields[0][:40]!r}"
        return bad_row(record.line, reason, record.data)
    title, content, answer = (field.replace("\\n", "\n") for field in fields[1:])
    question = "\n\n".join(part for part in (title, content) if part.strip())
    metadata = {"class": number, "topic": TOPICS[number - 1]}
    return checked_row(record.line, question, answer, metadata, record.data)
