"""`show` for people: one look tells what passed or failed, and by what."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.cli.question_print import print_question
from app.core.gate import Score
from app.core.lifecycle import Status, Turn
from app.core.questions import Attempt, StoredQuestion

BASIS = {
    "threshold": 0.525,
    "metric": "recall",
    "gate": "profile minilm-l6",
    "scorer": "minilm-l6:6",
    "library": "bert-score 0.3.13",
}
CALL = Attempt(0, 1, 1, "m", 1.7e9, 1.5, None, None, "overloaded")
WHY = "guard numbers_changed: the reference says 1989, the answer 1990 (recall 0.910 >= 0.525)"
WRONG = replace(
    CALL,
    attempt=2,
    cause=None,
    answer="Cayó en 1990.",
    score=Score(0.9, 0.91, 0.905),
    verdict=Status.LOW_QUALITY,
    why=WHY,
    **BASIS,
)
RIGHT = replace(
    WRONG, generation=2, attempt=1, verdict=Status.VALIDATED, why="recall 0.930 >= 0.525"
)
QUESTION = StoredQuestion(
    "q",
    Status.VALIDATED,
    "¿Cuándo cayó?",
    "Cayó en 1989.",
    "m",
    Turn(0, 2, 1),
    1.7e9,
    answer="Cayó en 1989.",
    score=Score(0.88, 0.93, 0.9),
    why="recall 0.930 >= 0.525",
    attempts=(CALL, WRONG, RIGHT),
    **BASIS,
)


def shown(question: StoredQuestion, capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """Return what is printed: the lines by name, and the rows of the table by attempt."""
    print_question(question.as_json())
    found, place = {}, ""
    for line in capsys.readouterr().out.splitlines():
        if line.startswith("│"):
            cells = [cell.strip() for cell in line.strip("│").split("│")]
            place = cells[0] or place
            found[place] = " ".join([*filter(None, [found.get(place)]), *filter(None, cells[1:])])
        elif "  " in line.strip():
            name, _, value = line.strip().partition("  ")
            found[name] = value
    return found


def test_a_question_says_why_it_passed_and_by_what(capsys: pytest.CaptureFixture[str]) -> None:
    found = shown(QUESTION, capsys)
    assert found["why"] == "recall 0.930 >= 0.525"
    assert found["score"] == "precision 0.880  recall 0.930  f1 0.900"
    assert found["gate"] == "recall >= 0.525 (profile minilm-l6)"
    assert found["scorer"] == "minilm-l6:6, not rescaled (bert-score 0.3.13)"


def test_each_attempt_has_its_verdict_and_reason(capsys: pytest.CaptureFixture[str]) -> None:
    found = shown(QUESTION, capsys)
    assert "- overloaded - - -" in found["1.1"]
    assert "fail guard numbers_changed" in found["1.2"]
    assert " 0.900 0.910 0.905 " in found["1.2"]
    assert "pass recall 0.930 >= 0.525" in found["2.1"]
    assert not [name for name in found if name.startswith(("gate of", "scorer of"))]


def test_an_attempt_that_was_judged_by_something_else_says_so(
    capsys: pytest.CaptureFixture[str],
) -> None:
    other = replace(
        WRONG, scorer="roberta-large:17:rescaled", metric="f1", threshold=0.75, gate="settings"
    )
    found = shown(replace(QUESTION, attempts=(CALL, other, replace(RIGHT, round=1))), capsys)
    assert found["gate of 0/1.2"] == "f1 >= 0.75 (settings)"
    assert found["scorer of 0/1.2"] == "roberta-large:17, rescaled (bert-score 0.3.13)"
    assert "gate of 1/2.1" not in found


def test_what_an_older_version_stored_is_shown_without_what_it_did_not_keep(
    capsys: pytest.CaptureFixture[str],
) -> None:
    old = replace(QUESTION, metric=None, gate=None, library=None, why=None, attempts=())
    found = shown(old, capsys)
    assert found["gate"] == "a metric not known >= 0.525"
    assert found["scorer"] == "minilm-l6:6, not rescaled"
    assert "why" not in found
