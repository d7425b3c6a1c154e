"""Columns of other names and other encodings: said by options, and asked for where they miss."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from app.cli import file_options
from app.errors import InputError
from app.files import ENCODINGS, BadRow, Format, Layout, QuestionRow, count_rows, read_questions
from app.files.read import has_references

Write = Callable[[str, bytes], Path]

SPANISH = "Nº;Pregunta;Respuesta correcta\n1;¿Capital de España?;Madrid; así es\n".replace(
    "; así", ", así"
)
COLUMNS = Layout(question="pregunta", reference=" RESPUESTA correcta ")


def rows(path: Path, layout: Layout) -> list[QuestionRow | BadRow]:
    return list(read_questions(path, layout))


def test_columns_of_a_csv_have_any_name(write: Write) -> None:
    path = write("q.csv", b"\xef\xbb\xbf" + SPANISH.encode())
    assert rows(path, COLUMNS) == [
        QuestionRow(2, "¿Capital de España?", "Madrid, así es", {"Nº": "1"})
    ]


def test_keys_of_jsonl_have_any_name(write: Write) -> None:
    path = write("q.jsonl", b'{"p": "Why?", "r": "So.", "n": 1}\n{"question_text": "Why?"}\n')
    good, bad = rows(path, Layout(question="p", reference="r"))
    assert good == QuestionRow(1, "Why?", "So.", {"n": 1})
    assert isinstance(bad, BadRow)
    assert bad.reason == "p is missing (the keys there are: question_text)"


def test_a_header_without_known_names_asks_for_them(write: Write) -> None:
    with pytest.raises(InputError, match=r"'Pregunta', .*--question-column NAME"):
        read_questions(write("q.csv", SPANISH.encode()))


@pytest.mark.parametrize(
    ("layout", "complaint"),
    [
        (Layout(question="Frage"), "no column 'Frage'. The columns there are 'Nº', 'Pregunta'"),
        (Layout(question="Pregunta", reference="Antwort"), "no column 'Antwort'"),
        (Layout(question="Pregunta", format="yahoo"), "no names of columns"),
    ],
)
def test_columns_that_are_not_there_are_refused(
    write: Write, layout: Layout, complaint: str
) -> None:
    with pytest.raises(InputError, match=complaint):
        read_questions(write("q.csv", SPANISH.encode()), layout)


def test_one_column_is_not_question_and_answer() -> None:
    with pytest.raises(InputError, match="both the question and the reference"):
        Layout(question="A", reference="a ")


def test_the_questions_column_is_not_taken_for_references(write: Write) -> None:
    path = write("q.csv", b"answer,question\nWhy?,7\n")
    assert rows(path, Layout(question="answer")) == [
        QuestionRow(2, "Why?", None, {"question": "7"})
    ]
    assert not has_references(path, Layout(question="answer"))


@pytest.mark.parametrize("encoding", [each for each in ENCODINGS if each != "utf-8"])
@pytest.mark.parametrize("name", ["q.csv", "q.jsonl"])
def test_other_encodings_read_as_text(write: Write, encoding: str, name: str) -> None:
    text = "question,answer\n¿Qué?,Ñandú" if name == "q.csv" else '{"question_text": "¿Qué?"}'
    path = write(name, text.encode(ENCODINGS[encoding]))
    [row] = rows(path, Layout(encoding=encoding))
    assert isinstance(row, QuestionRow)
    assert row.question_text == "¿Qué?"
    assert count_rows(path, Layout(encoding=encoding)) == 1


def test_bytes_that_windows_leaves_out_cost_no_row(write: Write) -> None:
    path = write("q.csv", b"question\n\x93caf\xe9\x94 \x81\n")
    [row] = rows(path, Layout(encoding="windows-1252"))
    assert isinstance(row, QuestionRow)
    assert row.question_text == "“café” \x81"


def test_a_file_in_another_encoding_is_refused_before_half_of_it_is_asked(write: Write) -> None:
    body = "question,answer\nWhy?,So.\n" + "¿Qué?,Así.\n" * 5
    path = write("q.csv", body.encode("latin-1"))
    with pytest.raises(InputError, match=r"first in line 3; 5 lines.*--encoding windows-1252"):
        read_questions(path)
    insisted = rows(path, Layout(encoding="utf-8"))
    assert [type(each) for each in insisted] == [QuestionRow, *[BadRow] * 5]


def test_a_few_damaged_rows_do_not_speak_for_the_file(write: Write) -> None:
    body = "question\n" + "¿Qué?\n" * 5
    path = write("q.csv", body.encode() + b"caf\xe9\n" * 5)
    assert sum(isinstance(row, BadRow) for row in read_questions(path)) == 5


@pytest.mark.parametrize("start", [b"\xef\xbb\xbfquestion\nWhy?\n", "question\n¿Qué?\n".encode()])
def test_utf_8_is_not_read_as_something_else(write: Write, start: bytes) -> None:
    with pytest.raises(InputError, match="is UTF-8, not latin-1: leave --encoding out"):
        read_questions(write("q.csv", start), Layout(encoding="latin-1"))


def test_a_header_that_is_no_utf_8_says_which_option_mends_it(write: Write) -> None:
    path = write("q.csv", "Pregunta,Año\n¿Qué?,2020\n".encode("latin-1"))
    with pytest.raises(InputError, match="--encoding windows-1252"):
        read_questions(path)


def test_the_options_offer_what_is_known() -> None:
    assert list(file_options.ENCODINGS) == list(ENCODINGS)
    assert list(file_options.FORMATS) == list(Format)
