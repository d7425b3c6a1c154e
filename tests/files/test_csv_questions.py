"""CSV with a header: columns, delimiters, quotes, and what makes a row bad."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.errors import InputError
from app.files import BadRow, Layout, QuestionRow, read_questions
from app.files.read import AS_IT_LOOKS
from app.files.records import MAX_RECORD_BYTES, STRAY, UNCLOSED

Write = Callable[[str, bytes], Path]


def rows(path: Path, layout: Layout = AS_IT_LOOKS) -> list[QuestionRow | BadRow]:
    return list(read_questions(path, layout))


def test_other_columns_become_metadata(write: Write) -> None:
    path = write("q.csv", b"id,question_text,original_answer\n7,Why?,Because.\n")
    assert rows(path) == [QuestionRow(2, "Why?", "Because.", {"id": "7"})]


@pytest.mark.parametrize("question", ["question_text", "question", " Question_Text ", "QUESTION"])
@pytest.mark.parametrize("reference", ["original_answer", "answer", "reference", "Answer"])
def test_aliases_and_letter_case(write: Write, question: str, reference: str) -> None:
    path = write("q.csv", f"{question},{reference}\nWhy?,Because.\n".encode())
    assert rows(path) == [QuestionRow(2, "Why?", "Because.", {})]


def test_the_full_name_wins_over_an_alias(write: Write) -> None:
    path = write("q.csv", b"question,question_text,answer,original_answer\na,b,c,d\n")
    assert rows(path) == [QuestionRow(2, "b", "d", {"question": "a", "answer": "c"})]


def test_two_possible_references_are_not_guessed_between(write: Write) -> None:
    with pytest.raises(InputError, match="--reference-column NAME, or rename it original_answer"):
        read_questions(write("q.csv", b"question,answer,reference\na,b,c\n"))


def test_a_missing_question_column_names_what_is_there_and_what_is_needed(write: Write) -> None:
    with pytest.raises(InputError, match=r"'id', 'text'.*question_text") as caught:
        read_questions(write("q.csv", b"id,text\n1,Why?\n"))
    assert caught.value.field == "question_text"


def test_a_repeated_column_is_refused(write: Write) -> None:
    with pytest.raises(InputError, match="'note' more than once"):
        read_questions(write("q.csv", b"question,note,Note\na,b,c\n"))


def test_columns_without_a_name_get_one(write: Write) -> None:
    path = write("q.csv", b",question,\n0,Why?,x\n")
    assert rows(path) == [QuestionRow(2, "Why?", None, {"column_1": "0", "column_3": "x"})]


@pytest.mark.parametrize("reference", ["", "   ", '""'])
def test_a_blank_reference_is_none(write: Write, reference: str) -> None:
    path = write("q.csv", f"question,answer\nWhy?,{reference}\n".encode())
    assert rows(path) == [QuestionRow(2, "Why?", None, {})]


def test_a_reference_column_is_not_needed(write: Write) -> None:
    assert rows(write("q.csv", b"question\nWhy?\n")) == [QuestionRow(2, "Why?", None, {})]


def test_bom_crlf_quoted_newlines_and_doubled_quotes(write: Write) -> None:
    path = write(
        "q.csv",
        b'\xef\xbb\xbf"question_text",answer\r\n'
        b'"Say ""hi"",\r\nthen go","a ""b"""\r\n\r\nNext?,\r\n',
    )
    assert rows(path) == [
        QuestionRow(2, 'Say "hi",\r\nthen go', 'a "b"', {}),
        QuestionRow(5, "Next?", None, {}),
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_comes_from_the_header_only(write: Write, delimiter: str) -> None:
    text = f"note{delimiter}question{delimiter}answer\n"
    text += delimiter.join(['"a,a;a\ta"', '"b;b,b;\t,;"', '"c"']) + "\n"
    assert rows(write("q.csv", text.encode())) == [
        QuestionRow(2, "b;b,b;\t,;", "c", {"note": "a,a;a\ta"})
    ]


@pytest.mark.parametrize("first", [b"sep=;", b"\xef\xbb\xbfSEP=;", b'"sep=;"', b"sep=,"])
@pytest.mark.parametrize("name", ["q.csv", "q.txt"])
def test_the_line_that_tells_excel_the_delimiter_is_passed_over(
    write: Write, first: bytes, name: str
) -> None:
    path = write(name, first + "\r\nquestion;answer\r\n¿Qué, sí?;Sí\r\n".encode())
    assert rows(path) == [QuestionRow(3, "¿Qué, sí?", "Sí", {})]


def test_such_a_line_further_down_is_a_row(write: Write) -> None:
    assert rows(write("q.csv", b"question\nsep=;\n")) == [QuestionRow(2, "sep=;", None, {})]


def test_a_single_column_may_hold_the_other_delimiters(write: Write) -> None:
    path = write("q.csv", b"question\nA; B\tor C?\n")
    assert rows(path) == [QuestionRow(2, "A; B\tor C?", None, {})]


def test_tsv_reads_tabs_first(write: Write) -> None:
    path = write("q.tsv", b"question\nOne, two, three?\n")
    assert rows(path) == [QuestionRow(2, "One, two, three?", None, {})]


def test_a_column_name_may_have_a_line_end(write: Write) -> None:
    path = write("q.csv", b'question,"a\nnote"\nWhy?,x\n')
    assert rows(path) == [QuestionRow(3, "Why?", None, {"a\nnote": "x"})]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (b"Why?", "1 column where the header has 2"),
        (b"Why?,a,b", "3 columns where the header has 2"),
        (b'"a\nb"', "1 column where the header has 2 (the row goes on to line 3"),
        (b" ,a", "question_text is blank"),
        (b"W\x00hy?,a", "NUL"),
        (b"W\xffhy?,a", "not UTF-8 (byte 0xff at byte 2"),
        (b"a" * 32_001 + b",b", "question_text has 32,001 characters, the limit is 32,000"),
        (b"a," + b"b" * 32_001, "original_answer has 32,001 characters"),
        (b"a," + b"b" * 200_000, "not CSV: field larger than field limit"),
        (b'a,"b\rc" \r d', STRAY),
        (b"a\rb,c", "not CSV"),
        (b'"say "hi"",a', STRAY),
        (b'"open,a', UNCLOSED),
    ],
    ids=lambda value: value[:12] if isinstance(value, str) else None,
)
def test_a_bad_row_is_bad_alone(write: Write, row: bytes, reason: str) -> None:
    path = write("q.csv", b"question,answer\n" + row + b"\nNext?,yes\n")
    bad, good = rows(path)
    assert isinstance(bad, BadRow)
    assert bad.line == 2
    assert reason in bad.reason
    assert isinstance(good, QuestionRow)
    assert good.question_text == "Next?"


def test_the_limits_are_inclusive_and_count_characters(write: Write) -> None:
    path = write("q.csv", f"question,answer\n{'é' * 32_000},{'ñ' * 32_000}\n".encode())
    assert [type(row) for row in rows(path)] == [QuestionRow]


def test_metadata_has_a_limit_too(write: Write) -> None:
    bad, good = rows(
        write("q.csv", f"question,note\na,{'é' * 16_384}\na,{'é' * 16_370}\n".encode())
    )
    assert isinstance(bad, BadRow)
    assert bad.reason.startswith("metadata has")
    assert isinstance(good, QuestionRow)


def test_a_stray_quote_does_not_swallow_the_rows_up_to_the_next_one(write: Write) -> None:
    path = write("q.csv", b'question,answer\n"one,1\ntwo,2\nthree,"3"\nfour,4\n')
    bad, *good = rows(path)
    assert bad == BadRow(2, STRAY, '"one,1')
    assert [row.question_text for row in good if isinstance(row, QuestionRow)] == [
        "two",
        "three",
        "four",
    ]


def test_a_quote_that_is_never_closed_costs_one_row_of_a_long_file(write: Write) -> None:
    line = b"Why so?," + b"b" * 500 + b"\n"
    many = 2 * MAX_RECORD_BYTES // len(line)
    path = write("q.csv", b'question,answer\na,"open\n' + line * many)
    bad, *good = rows(path)
    assert bad == BadRow(2, UNCLOSED, 'a,"open')
    assert len(good) == many
    assert good[-1].line == many + 2


def test_a_line_without_end_is_one_bad_row(write: Write) -> None:
    path = write("q.csv", b"question\n" + b"x" * (MAX_RECORD_BYTES + 5) + b"\nWhy?\n")
    bad, good = rows(path)
    assert isinstance(bad, BadRow)
    assert "longer than" in bad.reason
    assert len(bad.raw) == 2_000
    assert bad.raw.endswith("…")
    assert good == QuestionRow(3, "Why?", None, {})


def test_quotes_inside_plain_text_are_text(write: Write) -> None:
    path = write("q.csv", b'question,answer\nA 5" disk?,It has 3.5" sides\nb,c\n')
    assert rows(path)[0] == QuestionRow(2, 'A 5" disk?', 'It has 3.5" sides', {})


def test_raw_is_always_writable(write: Write) -> None:
    (bad,) = rows(write("q.csv", b"question\nW\xff\x00\n"))
    assert isinstance(bad, BadRow)
    assert bad.raw == "W\\xff\\x00"
    assert bad.raw.encode()


CELL = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"), max_size=40)
QUESTION = CELL.filter(lambda text: text.strip())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    table=st.lists(st.tuples(QUESTION, CELL, CELL), max_size=8),
    delimiter=st.sampled_from([",", ";", "\t"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_what_csv_writes_is_read_back(
    write: Write, table: list[tuple[str, str, str]], delimiter: str, quoting: int
) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, quoting=quoting)
    writer.writerow(["question_text", "original_answer", "note"])
    writer.writerows(table)
    found = rows(write("q.csv", text.getvalue().encode()))
    assert [
        (row.question_text, row.original_answer, row.metadata)
        for row in found
        if isinstance(row, QuestionRow)
    ] == [
        (question, answer if answer.strip() else None, {"note": note})
        for question, answer, note in table
    ]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(body=st.lists(st.sampled_from([b'"', b'""', b",", b"\n", b"\r", b"a", b"\xff", b"\0"])))
def test_no_bytes_crash_the_reader_and_lines_only_go_up(write: Write, body: list[bytes]) -> None:
    found = rows(write("q.csv", b"question,answer\n" + b"".join(body)), Layout("csv"))
    lines = [row.line for row in found]
    assert lines == sorted(set(lines))
    assert all(line >= 2 for line in lines)
