"""A question reads everywhere with exactly the contract's fields."""

from __future__ import annotations

import json
from dataclasses import replace
from zlib import crc32

import pytest

from app.core.gate import Score
from app.core.lifecycle import Status, Turn
from app.core.questions import SHAPE, Attempt, CallKey, StoredQuestion, timestamp

FIELDS = [
    "question_id",
    "status",
    "question_text",
    "original_answer",
    "answer",
    "precision",
    "recall",
    "f1",
    "threshold",
    "metric",
    "gate",
    "scorer",
    "library",
    "rescaled",
    "generation",
    "cause",
    "why",
    "attempts",
    "accepted_at",
    "finished_at",
    "metadata",
]
BASIS = {
    "threshold": 0.75,
    "metric": "recall",
    "gate": "profile mine",
    "scorer": "roberta-large:17:rescaled",
    "library": "bert-score 0.3.13",
}
ATTEMPT = Attempt(
    0,
    2,
    3,
    "m",
    1_700_000_000.0,
    1.5,
    7,
    "text",
    None,
    Score(0.1, 0.2, 0.3),
    20.0,
    verdict=Status.LOW_QUALITY,
    why="recall 0.200 < 0.750",
    **BASIS,
)
QUESTION = StoredQuestion(
    question_id="q",
    status=Status.VALIDATED,
    question_text="Why?",
    original_answer="Because.",
    model="m",
    turn=Turn(0, 2, 3),
    accepted_at=1_700_000_000.0,
    answer="Because it is.",
    score=Score(0.7, 0.8, 0.75),
    why="recall 0.800 >= 0.750",
    **BASIS,
    finished_at=1_700_000_001.25,
    metadata={"a": [1, None]},
    attempts=(ATTEMPT,),
)


def test_a_question_shows_exactly_these_fields_in_this_order() -> None:
    assert list(QUESTION.as_json()) == FIELDS


def test_other_fields_are_another_shape() -> None:
    """Caches keep questions as they are shown: with other fields SHAPE must be another, too."""
    fields = ",".join([*QUESTION.as_json(), *ATTEMPT.as_json()])
    assert (SHAPE, f"{crc32(fields.encode()):08x}") == (2, "7376ce38")


def test_its_values() -> None:
    row = QUESTION.as_json()
    assert {name: row[name] for name in FIELDS if name != "attempts"} == {
        "question_id": "q",
        "status": "validated",
        "question_text": "Why?",
        "original_answer": "Because.",
        "answer": "Because it is.",
        "precision": 0.7,
        "recall": 0.8,
        "f1": 0.75,
        **BASIS,
        "rescaled": True,
        "generation": 2,
        "cause": None,
        "why": "recall 0.800 >= 0.750",
        "accepted_at": "2023-11-14T22:13:20.000Z",
        "finished_at": "2023-11-14T22:13:21.250Z",
        "metadata": {"a": [1, None]},
    }
    assert json.loads(json.dumps(row)) == row


def test_an_attempt_shows_what_it_has_and_always_its_verdict() -> None:
    always = {
        "generation",
        "attempt",
        "model",
        "started_at",
        "seconds",
        "tokens",
        "waited_seconds",
        "verdict",
    }
    failed = Attempt(0, 1, 1, "m", 1e9, cause="overloaded").as_json()
    assert set(failed) == always | {"cause"}
    assert failed["verdict"] is None
    asked = Attempt(0, 1, 1, "m", 1e9, strategy="plain", temperature=0.0, seed=1).as_json()
    assert set(asked) == always | {"strategy", "temperature", "seed"}
    assert (asked["strategy"], asked["temperature"], asked["seed"]) == ("plain", 0.0, 1)
    figures = {"precision": 0.1, "recall": 0.2, "f1": 0.3}
    judged = {**figures, **BASIS, "rescaled": True, "why": "recall 0.200 < 0.750"}
    row = ATTEMPT.as_json()
    assert set(row) == always | {"answer"} | set(judged)
    assert {name: row[name] for name in judged} == judged


@pytest.mark.parametrize(
    ("status", "shown"),
    [("validated", "pass"), ("low_quality", "fail"), ("unscored", "unscored")],
)
def test_the_verdict_on_an_attempt(status: str, shown: str) -> None:
    assert replace(ATTEMPT, verdict=Status(status)).as_json()["verdict"] == shown


def test_what_an_older_version_stored_is_shown_as_unknown_not_guessed() -> None:
    old = replace(ATTEMPT, metric=None, gate=None, library=None, scorer=None, why=None).as_json()
    unknown = ("metric", "gate", "library", "scorer", "rescaled")
    assert [old[name] for name in unknown] == [None] * 5
    assert "why" not in old


def test_a_question_without_a_score_shows_null_not_zero() -> None:
    row = StoredQuestion("q", Status.UNSCORED, "t", None, "m", Turn(0, 1, 1), 1e9).as_json()
    assert [row[name] for name in ("precision", "recall", "f1", "threshold")] == [None] * 4


def test_a_waiting_question_says_until_when_and_a_redriven_one_its_round() -> None:
    waiting = StoredQuestion("q", Status.WAITING, "t", None, "m", Turn(2, 1, 1), 1e9, due_at=2e9)
    row = waiting.as_json()
    assert set(row) == {*FIELDS, "due_at", "round"}
    assert (row["due_at"], row["round"]) == ("2033-05-18T03:33:20.000Z", 2)


def test_times_are_iso_8601_in_utc_or_nothing() -> None:
    assert timestamp(None) is None
    assert timestamp(0.0) == "1970-01-01T00:00:00.000Z"


def test_a_call_knows_its_turn() -> None:
    assert CallKey("q", 1, 2, 3).turn == Turn(1, 2, 3)
