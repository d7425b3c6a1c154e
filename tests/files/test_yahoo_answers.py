"""The Yahoo! Answers CSV: four columns without a header."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from app.files import BadRow, Format, Layout, QuestionRow, detect_format, read_questions
from app.files.yahoo_answers import TOPICS
from app.samples import yahoo_sample_path

Write = Callable[[str, bytes], Path]


def row(write: Write, line: str) -> QuestionRow | BadRow:
    (found,) = read_questions(write("train.csv", line.encode()), Layout("yahoo"))
    return found


def test_title_and_content_are_two_paragraphs(write: Write) -> None:
    assert row(
        write, '"5","Why?","It says ""no"".\\nHelp","Because.\\n\\nReally."\n'
    ) == QuestionRow(
        1,
        'Why?\n\nIt says "no".\nHelp',
        "Because.\n\nReally.",
        {"class": 5, "topic": "Computers & Internet"},
    )


def test_empty_content_and_answer(write: Write) -> None:
    assert row(write, '"1","Why?","",""') == QuestionRow(
        1, "Why?", None, {"class": 1, "topic": "Society & Culture"}
    )


@pytest.mark.parametrize("number", range(1, 11))
def test_every_class_has_its_topic(write: Write, number: int) -> None:
    found = row(write, f'{number},"Why?","",""')
    assert isinstance(found, QuestionRow)
    assert found.metadata == {"class": number, "topic": TOPICS[number - 1]}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('"0","a","b","c"', "class must be 1 to 10, it is '0'"),
        ('"11","a","b","c"', "class must be 1 to 10, it is '11'"),
        ('"x","a","b","c"', "class must be 1 to 10, it is 'x'"),
        ('"1","a","b"', "3 columns where Yahoo! Answers has 4"),
        ('"1","","\\n","c"', "question_text is blank"),
        ('"1","say "hi"","b","c"', "text follows a closing quote"),
    ],
)
def test_bad_rows(write: Write, line: str, reason: str) -> None:
    found = row(write, line)
    assert isinstance(found, BadRow)
    assert reason in found.reason


def test_the_title_and_content_together_keep_the_limit(write: Write) -> None:
    found = row(write, f'"1","{"a" * 20_000}","{"b" * 20_000}","c"')
    assert isinstance(found, BadRow)
    assert "question_text has 40,002 characters" in found.reason


def test_the_sample_file() -> None:
    assert detect_format(yahoo_sample_path()) is Format.YAHOO
    found = list(read_questions(yahoo_sample_path()))
    assert len(found) == 8
    assert all(isinstance(one, QuestionRow) for one in found)
    assert [one.line for one in found] == list(range(1, 9))
