"""Files of answers: what is read, what is skipped, and what is said of the rest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from app.calibration.builtin import PATH
from app.calibration.pairs import Known
from app.calibration.read import KnownFile, Skipped
from app.calibration.sampling import Sample, built_in_sample, read_sample
from app.errors import InputError
from app.files import write_results
from app.files.rows import BadRow
from app.samples import samples_path, yahoo_sample_path


def sample_of(path: Path, most: int = 1000, seed: int = 1) -> tuple[Sample, list[BadRow]]:
    bad: list[BadRow] = []
    return read_sample(path, None, most, seed, bad.append), bad


def file(tmp_path: Path, name: str, text: str | bytes) -> Path:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_csv_with_labels_in_any_words_and_order(tmp_path: Path) -> None:
    text = (
        "Label;reference;Candidate;lang\n"
        "good;Lima.;It is Lima.;en\n0;Lima.;Quito;en\nTRUE;Lima.;Lima, sí;ES\n;Lima.;?;en\n"
        "perhaps;Lima.;Lima;en\n1;;Lima;en\nbad;Lima.; ;en\n"
    )
    sample, bad = sample_of(file(tmp_path, "a.csv", text))
    assert sample.known == [
        Known(2, "", "Lima.", "It is Lima.", good=True, language="en"),
        Known(3, "", "Lima.", "Quito", good=False, language="en"),
        Known(4, "", "Lima.", "Lima, sí", good=True, language="es"),
    ]
    assert sample.labelled
    assert (sample.skipped, sample.bad_rows) == (3, 1)
    assert [(each.line, each.reason) for each in bad] == [
        (6, "label must be good or bad (1 or 0), it is 'perhaps'")
    ]


def test_jsonl_may_hold_several_answers_and_languages_are_told_from_the_texts(
    tmp_path: Path,
) -> None:
    rows: list[Any] = [
        {
            "original_answer": "The sea is salty because of the rivers.",
            "answer": ["one", " ", "two"],
        },
        {"original_answer": "Porque los ríos arrastran sales de las rocas.", "answer": "la sal"},
        {"original_answer": "Sal.", "answer": "sal", "metadata": {"language": "es"}},
        {"original_answer": "H2O.", "answer": "H2O"},
        {"original_answer": 7, "answer": "seven"},
        {"original_answer": "a\u0000b", "answer": "seven"},
        {"original_answer": "Long.", "answer": "x" * 32_001},
        ["no object"],
        {"original_answer": "No answer."},
    ]
    text = "\n".join(json.dumps(row) for row in rows) + "\nnot json\n"
    sample, bad = sample_of(file(tmp_path, "a.jsonl", text))
    assert [(each.line, each.answer, each.language) for each in sample.known] == [
        (1, "one", "en"),
        (1, "two", "en"),
        (2, "la sal", "es"),
        (3, "sal", "es"),
        (4, "H2O", "?"),
    ]
    assert not sample.labelled
    assert sample.skipped == 1
    assert [each.line for each in bad] == [5, 6, 7, 8, 10]
    assert "reference must be a string" in bad[0].reason
    assert "32,001 characters" in bad[2].reason


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_results_of_a_run_are_read_and_known_for_what_they_are(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out{suffix}"
    row = {"question_id": "1", "question_text": "Q?", "metadata": {"language": "es"}}
    rows = [
        {**row, "status": "validated", "original_answer": "R", "answer": "A"},
        {**row, "status": "dead", "original_answer": "R", "answer": None},
        {**row, "status": "unscored", "original_answer": None, "answer": "A"},
    ]
    write_results(path, rows)
    sample, bad = sample_of(path)
    assert sample.known == [Known(sample.known[0].line, "Q?", "R", "A", good=True, language="es")]
    assert sample.unchecked
    assert (sample.skipped, bad) == (2, [])


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.csv", "question_text,original_answer\nQ?,R\n", "no column answer or candidate"),
        ("a.csv", "question,answer\nQ?,A\n", "no column original_answer or reference"),
        ("a.csv", "reference,answer,answer\nR,A,A\n", "names answer more than once"),
        ("a.csv", "reference,answer\n,A\nR,\n", "no row with an answer and a reference .2 rows"),
        ("a.jsonl", '[{"reference": "R"}]', "one JSON document"),
        ("a.csv", "", "is empty"),
        ("a.txt", "reference,answer\nR,A\n", "Give it with --format"),
        ("a.csv", b"\x1f\x8b\x08", "is compressed"),
    ],
)
def test_a_file_that_is_none_says_what_is_needed(
    tmp_path: Path, name: str, text: str | bytes, said: str
) -> None:
    with pytest.raises(InputError, match=said):
        sample_of(file(tmp_path, name, text))


@pytest.mark.parametrize("path", [samples_path(), yahoo_sample_path()])
def test_questions_without_answers_say_how_to_get_some(path: Path) -> None:
    with pytest.raises(InputError, match=r"answerloop run FILE --out answers\.csv"):
        KnownFile(path)


def test_labels_that_the_first_row_of_jsonl_does_not_announce_are_refused(tmp_path: Path) -> None:
    rows: list[Any] = [
        {"reference": "Lima.", "answer": "It is Lima."},
        {"reference": "Lima.", "answer": "Quito.", "label": None},
        {"reference": "Lima.", "answer": "Quito.", "label": "bad"},
    ]

    def path() -> Path:
        return file(tmp_path, "a.jsonl", "\n".join(map(json.dumps, rows)))

    with pytest.raises(InputError, match=r"a\.jsonl, line 3: .*give the first row a label") as told:
        sample_of(path())
    assert told.value.field == "label"
    rows[0]["label"] = None
    sample, _ = sample_of(path())
    assert [each.good for each in sample.known] == [False]
    assert sample.skipped == 2


def test_of_a_large_file_a_part_is_drawn_evenly_and_repeatably(tmp_path: Path) -> None:
    text = "reference,answer\n" + "".join(f"R{n},A{n}\n" for n in range(400))
    path = file(tmp_path, "a.csv", text)
    sample, _ = sample_of(path, most=100)
    assert (len(sample.known), sample.answers) == (100, 400)
    assert sample == sample_of(path, most=100)[0]
    assert sample.known != sample_of(path, most=100, seed=2)[0].known
    assert 30 < sum(each.line > 200 for each in sample.known) < 70


def test_the_built_in_pairs_are_a_file_of_that_form() -> None:
    read, bad = sample_of(PATH)
    assert not bad
    assert read.known == built_in_sample().known
    assert len(read.known) == 96


def test_every_row_is_given_or_counted(tmp_path: Path) -> None:
    text = 'reference,answer\nR,A\n"open,\nR\nR,A\n'
    rows = list(KnownFile(file(tmp_path, "a.csv", text)).rows())
    assert [type(row) for row in rows] == [list, BadRow, BadRow, list]
    assert not any(isinstance(row, Skipped) for row in rows)
