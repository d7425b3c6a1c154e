"""Every record comes back from the wire as it was sent, and breaks no bound on its way out."""

from __future__ import annotations

import json
import math
from typing import Any

import faust
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.strategies import REASONS
from app.wire import WireGate
from models import questions as q

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=30)
SOME_TEXT = TEXT.filter(bool)
ID = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=64)
COUNT, ORDINAL = st.integers(0, 10_000), st.integers(1, 10_000)
WHEN, SECONDS = st.floats(1e9, 1e11), st.floats(0, 1e9)
FRACTION = st.floats(-1e9, 1.5)
BYTES = st.binary(max_size=40)
JSON = st.dictionaries(
    TEXT,
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | TEXT,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
        max_leaves=6,
    ),
    max_size=3,
)
BEST = st.builds(
    q.ScoredAttempt,
    generation=ORDINAL,
    attempt=ORDINAL,
    answer=TEXT,
    precision=FRACTION,
    recall=FRACTION,
    f1=FRACTION,
    model=TEXT,
    threshold=st.none() | FRACTION,
    metric=st.none() | TEXT,
    gate=st.none() | TEXT,
    scorer=st.none() | TEXT,
    library=st.none() | TEXT,
    why=st.none() | TEXT,
)
STATE = {
    "question_id": ID,
    "question_text": SOME_TEXT,
    "model": TEXT,
    "accepted_at": WHEN,
    "original_answer": st.none() | TEXT,
    "metadata": JSON,
    "round": COUNT,
    "generation": ORDINAL,
    "attempt": ORDINAL,
    "best": st.none() | BEST,
    "first_called_at": st.none() | WHEN,
    "deadline_seconds": SECONDS,
    "rejected_by": st.none() | st.sampled_from(REASONS),
}
QUESTION = st.builds(q.Question, **STATE)
RECORDS: dict[type[faust.Record], st.SearchStrategy[Any]] = {
    q.Question: QUESTION,
    q.LlmRequest: st.builds(q.LlmRequest, **STATE, waited_seconds=SECONDS),
    q.LlmAnswer: st.builds(
        q.LlmAnswer,
        **STATE,
        answer=TEXT,
        answered_at=WHEN,
        seconds=SECONDS,
        tokens=st.none() | st.integers(0, 10_000_000),
        finish_reason=st.none() | TEXT,
    ),
    q.LlmFailure: st.builds(
        q.LlmFailure,
        **STATE,
        cause=TEXT,
        failed_at=WHEN,
        detail=TEXT,
        status=st.none() | st.integers(100, 599),
        retry_after_seconds=st.none() | SECONDS,
    ),
    q.RetryDue: st.builds(
        q.RetryDue, question_id=ID, round=COUNT, generation=ORDINAL, attempt=ORDINAL, due_at=WHEN
    ),
    q.ScoredAnswer: st.builds(
        q.ScoredAnswer,
        **STATE,
        answer=TEXT,
        status=st.sampled_from(["validated", "low_quality", "unscored"]),
        final=st.booleans(),
        finished_at=WHEN,
        why=TEXT,
        precision=st.none() | FRACTION,
        recall=st.none() | FRACTION,
        f1=st.none() | FRACTION,
        scorer=st.none() | TEXT,
        metric=st.none() | TEXT,
        threshold=st.none() | st.floats(-2, 2),
        cause=st.none() | TEXT,
        library=st.none() | TEXT,
        gate=st.none() | TEXT,
    ),
    q.DeadLetter: st.builds(
        q.DeadLetter,
        origin_topic=TEXT,
        origin_partition=st.integers(0, 1000),
        origin_offset=st.integers(0, 2**62),
        cause=TEXT,
        detail=TEXT,
        first_seen_at=WHEN,
        dead_at=WHEN,
        attempts=COUNT,
        question=st.none() | QUESTION,
        key=st.none() | BYTES,
        value=st.none() | BYTES,
    ),
    q.QuestionSettled: st.builds(
        q.QuestionSettled,
        question_id=ID,
        round=COUNT,
        status=st.sampled_from(["validated", "low_quality", "unscored", "dead"]),
        settled_at=WHEN,
    ),
}
GATES = {record: WireGate(record) for record in q.RECORDS}


def fields_of(record: Any) -> Any:
    """A record as plain data, records inside it too."""
    if not isinstance(record, faust.Record):
        return record
    names = record._options.fields
    return type(record), {name: fields_of(getattr(record, name)) for name in names}


def test_every_record_that_travels_is_tested_here() -> None:
    assert set(RECORDS) == set(q.RECORDS)


@pytest.mark.parametrize("kind", q.RECORDS, ids=lambda kind: kind.__name__)
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_a_record_comes_back_as_it_was_sent(kind: type[faust.Record], data: st.DataObject) -> None:
    record = data.draw(RECORDS[kind])
    assert fields_of(GATES[kind].decode(GATES[kind].encode(record))) == fields_of(record)


def test_scores_from_before_they_told_what_they_were_judged_by_are_read() -> None:
    best = q.ScoredAttempt(
        generation=1, attempt=1, answer="So.", precision=0.5, recall=0.5, f1=0.5, model="m"
    )
    sent = _plainest(q.ScoredAnswer).derive(best=best, threshold=0.75, metric="f1", scorer="s")
    wire = json.loads(GATES[q.ScoredAnswer].encode(sent))
    for name in ("library", "gate"):
        del wire[name]
    for name in ("threshold", "metric", "gate", "scorer", "library", "why"):
        del wire["best"][name]
    found = GATES[q.ScoredAnswer].decode(json.dumps(wire).encode())
    assert fields_of(found) == fields_of(sent)


@pytest.mark.parametrize("kind", q.RECORDS, ids=lambda kind: kind.__name__)
def test_the_type_on_the_wire_is_pinned(kind: type[faust.Record]) -> None:
    """Moving or renaming a Python class must not make stored messages unreadable."""
    record = _plainest(kind)
    assert json.loads(GATES[kind].encode(record))["type"] == f"answerloop.{kind.__name__}"


def _plainest(kind: type[faust.Record]) -> faust.Record:
    values: dict[str, Any] = {
        "question_id": "q1",
        "question_text": "Why?",
        "model": "m",
        "answer": "Because.",
        "status": "validated",
        "final": True,
        "cause": "overloaded",
        "detail": "",
        "why": "",
        "round": 0,
        "generation": 1,
        "attempt": 1,
        "seconds": 1.0,
        "origin_topic": "t",
        "origin_partition": 0,
        "origin_offset": 0,
    }
    required = [name for name in kind._options.fields if name not in kind._options.optionalset]
    return kind(**{name: values.get(name, 1_700_000_000.0) for name in required})


@pytest.mark.parametrize("kind", q.RECORDS, ids=lambda kind: kind.__name__)
def test_a_json_schema_describes_every_record(kind: type[faust.Record]) -> None:
    schema = GATES[kind].json_schema()
    described = schema["$defs"][kind.__name__]
    assert set(described["properties"]) == {"type", *kind._options.fields}
    assert described["additionalProperties"] is False
    json.dumps(schema)


@pytest.mark.parametrize(
    "broken",
    [
        {"question_id": ""},
        {"question_id": "a b"},
        {"question_id": "x" * 65},
        {"question_text": ""},
        {"question_text": "x" * 32_001},
        {"question_text": "a\x00b"},
        {"question_text": "\ud800"},
        {"question_text": None},
        {"original_answer": "\x00"},
        {"attempt": 0},
        {"attempt": 10_001},
        {"attempt": True},
        {"generation": 1.5},
        {"round": -1},
        {"accepted_at": 0.0},
        {"accepted_at": -1.0},
        {"accepted_at": 253_402_300_799_000.0},
        {"accepted_at": math.nan},
        {"accepted_at": math.inf},
        {"deadline_seconds": -1.0},
        {"rejected_by": "the reference says 1989"},
        {"rejected_by": ""},
        {"metadata": {"a": "\x00"}},
        {"metadata": {"a": Ellipsis}},
        {"metadata": {"a": {"b": "\udfff"}}},
    ],
    ids=str,
)
def test_a_record_that_breaks_its_own_bounds_is_not_sent(broken: dict[str, Any]) -> None:
    fields = {"question_id": "q1", "question_text": "Why?", "model": "m", "accepted_at": 1.7e9}
    with pytest.raises((ValueError, TypeError)):
        GATES[q.Question].encode(q.Question(**{**fields, **broken}))
