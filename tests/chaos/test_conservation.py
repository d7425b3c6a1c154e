"""The auditor can fail: each way of breaking the evidence shows in its own number."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from app.chaos.conservation import Audit, audit
from app.chaos.evidence import CallId, Evidence, ModelCall, SaidEnd, StoredCall, StoredRow
from app.chaos.ledger import AcceptedQuestion
from app.core.identity import idempotent_id
from app.core.strategies import prompt_for

QUESTIONS = 4
NUMBERS = (
    "pending",
    "lost",
    "duplicates",
    "strangers",
    "wrong_ends",
    "contradictions",
    "repeated_calls",
    "uncalled",
    "early_retries",
    "lag",
)


def question(number: int, expected: str = "validated") -> AcceptedQuestion:
    key = f"run-{number}"
    return AcceptedQuestion(number, idempotent_id(key), key, f"Why {number}?", expected, 1e9)


def prompt(text: str, generation: int = 1) -> ModelCall:
    made = prompt_for(text, generation)
    return ModelCall(made.user, made.seed)


def sound() -> Evidence:
    """Evidence of a run in which nothing went wrong: one retry, one regeneration."""
    accepted = [question(n) for n in range(QUESTIONS)]
    weak, retried = accepted[0], accepted[1]
    accepted[0] = weak = replace(weak, expected="low_quality")
    calls = [StoredCall(CallId(q.question_id, 0, 1, 1), "answered", 100.0) for q in accepted]
    calls[1] = replace(
        calls[1], outcome="failed", cause="overloaded", failed_at=101.0, http_status=503
    )
    calls.append(StoredCall(CallId(retried.question_id, 0, 1, 2), "answered", 105.0))
    calls.append(StoredCall(CallId(weak.question_id, 0, 2, 1), "answered", 103.0))
    said = [
        SaidEnd(CallId(q.question_id, 0, 1, 1), q.expected, "So.", final=True) for q in accepted[1:]
    ]
    said.append(SaidEnd(CallId(weak.question_id, 0, 1, 1), "low_quality", "Hm.", final=False))
    said.append(SaidEnd(CallId(weak.question_id, 0, 2, 1), "low_quality", "Hm!", final=True))
    return Evidence(
        accepted=accepted,
        rows=[
            StoredRow(q.question_id, q.expected, 0, q.text, "Hm!" if q is weak else "So.")
            for q in accepted
        ],
        stored_calls=calls,
        said=said,
        model_calls=[
            *(prompt(q.text) for q in accepted),
            replace(prompt(retried.text), refused=True),
            prompt(weak.text, 2),
        ],
    )


def faults_of(found: Audit) -> dict[str, int]:
    return {name: getattr(found, name) for name in NUMBERS if getattr(found, name)}


def test_sound_evidence_passes_and_adds_up() -> None:
    found = audit(sound())
    assert faults_of(found) == {}
    assert found.problems == []
    assert found.accepted == QUESTIONS == sum(found.states.values())
    assert found.calls == QUESTIONS + 2


def without_a_row(evidence: Evidence) -> Evidence:
    return replace(evidence, rows=evidence.rows[:-1], said=[])


def with_an_open_row(evidence: Evidence) -> Evidence:
    return replace(
        evidence, rows=[*evidence.rows[:-1], replace(evidence.rows[-1], status="asking")]
    )


def with_a_row_twice(evidence: Evidence) -> Evidence:
    """The same question once more, under another id."""
    twin = replace(evidence.rows[-1], question_id="twin")
    return replace(evidence, rows=[*evidence.rows, twin])


def with_two_ids_of_a_key(evidence: Evidence) -> Evidence:
    first = replace(evidence.accepted[-1], question_id="other")
    row = replace(evidence.rows[-1], question_id="other", question_text="another")
    return replace(evidence, accepted=[*evidence.accepted, first], rows=[*evidence.rows, row])


def with_a_row_that_was_refused(evidence: Evidence) -> Evidence:
    """A 503 promises nothing, but the log may have taken the question: that is no stranger."""
    row = StoredRow(idempotent_id("refused"), "validated", 0, "Refused?")
    return replace(
        evidence,
        rows=[*evidence.rows, row],
        offered=frozenset({"refused"}),
        stored_calls=[
            *evidence.stored_calls,
            StoredCall(CallId(row.question_id, 0, 1, 1), "answered", 100.0),
        ],
        model_calls=[*evidence.model_calls, prompt("Refused?")],
    )


def with_a_wrong_end(evidence: Evidence) -> Evidence:
    wrong = replace(evidence.rows[-1], status="dead")
    return replace(evidence, rows=[*evidence.rows[:-1], wrong], said=[])


def with_the_answer_of_another(evidence: Evidence) -> Evidence:
    mixed = replace(evidence.rows[-1], answer="Of another question.")
    return replace(evidence, rows=[*evidence.rows[:-1], mixed])


def with_two_verdicts(evidence: Evidence) -> Evidence:
    last = replace(evidence.said[-1], status="validated", final=False)
    return replace(evidence, said=[*evidence.said, last])


def with_two_ends(evidence: Evidence) -> Evidence:
    call = evidence.said[0].call
    other = SaidEnd(call._replace(attempt=2), "dead", "timeout", final=True)
    return replace(evidence, said=[*evidence.said, other])


def with_another_end_stored(evidence: Evidence) -> Evidence:
    """The message says validated, the row says something else that was to be expected."""
    accepted = [replace(q, expected="unscored") for q in evidence.accepted[-1:]]
    rows = [replace(evidence.rows[-1], status="unscored")]
    return replace(
        evidence, accepted=evidence.accepted[:-1] + accepted, rows=evidence.rows[:-1] + rows
    )


def with_a_call_again(evidence: Evidence) -> Evidence:
    return replace(evidence, model_calls=[*evidence.model_calls, evidence.model_calls[-1]])


def with_a_call_for_nobody(evidence: Evidence) -> Evidence:
    return replace(evidence, model_calls=[*evidence.model_calls, prompt("Who?")])


def with_a_retry_hidden_in_a_generation(evidence: Evidence) -> Evidence:
    """As many calls as rows, but two of them of one generation."""
    return replace(
        evidence, model_calls=[*evidence.model_calls[:-1], prompt(evidence.accepted[0].text)]
    )


def with_an_early_retry(evidence: Evidence) -> Evidence:
    calls = [
        replace(call, started_at=101.0 + 3.9) if call.call.attempt == 2 else call
        for call in evidence.stored_calls
    ]
    return replace(evidence, stored_calls=calls)


def with_a_retry_before_retry_after(evidence: Evidence) -> Evidence:
    calls = [
        replace(call, retry_after_seconds=30.0) if call.outcome == "failed" else call
        for call in evidence.stored_calls
    ]
    return replace(evidence, stored_calls=calls)


def with_something_unread(evidence: Evidence) -> Evidence:
    return replace(evidence, lag={"questions-pending/3": 2})


@pytest.mark.parametrize(
    ("doctor", "shown"),
    [
        (without_a_row, {"lost": 1, "repeated_calls": 1}),
        (with_an_open_row, {"pending": 1}),
        (with_a_row_twice, {"duplicates": 1, "strangers": 1}),
        (with_two_ids_of_a_key, {"duplicates": 1}),
        (with_a_wrong_end, {"wrong_ends": 1}),
        (with_two_verdicts, {"contradictions": 1}),
        (with_the_answer_of_another, {"contradictions": 1}),
        (with_two_ends, {"contradictions": 1}),
        (with_another_end_stored, {"contradictions": 1}),
        (with_a_call_again, {"repeated_calls": 1}),
        (with_a_call_for_nobody, {"repeated_calls": 1}),
        (with_a_retry_hidden_in_a_generation, {"repeated_calls": 1, "uncalled": 1}),
        (with_an_early_retry, {"early_retries": 1}),
        (with_a_retry_before_retry_after, {"early_retries": 1}),
        (with_something_unread, {"lag": 2}),
    ],
)
def test_doctored_evidence_is_found(
    doctor: Callable[[Evidence], Evidence], shown: dict[str, int]
) -> None:
    found = audit(doctor(sound()))
    assert faults_of(found) == shown
    assert found.problems


def test_a_question_that_was_refused_and_yet_answered_is_no_stranger() -> None:
    found = audit(with_a_row_that_was_refused(sound()))
    assert faults_of(found) == {}
    assert found.unpromised == 1


def test_a_call_that_the_model_refused_may_be_made_again_one_that_it_answered_may_not() -> None:
    evidence = sound()
    again = prompt(evidence.accepted[1].text)
    more = [*evidence.model_calls, replace(again, refused=True)]
    assert faults_of(audit(replace(evidence, model_calls=more))) == {}
    assert audit(replace(evidence, model_calls=more)).refused_calls == 2
    more = [*evidence.model_calls, again]
    assert faults_of(audit(replace(evidence, model_calls=more))) == {"repeated_calls": 1}


def test_a_failure_allows_a_call_only_if_the_model_may_have_computed() -> None:
    evidence = sound()
    whole = [replace(call, refused=False) for call in evidence.model_calls]

    def with_cause(cause: str) -> Audit:
        calls = [
            replace(call, cause=cause, http_status=None) if call.outcome == "failed" else call
            for call in evidence.stored_calls
        ]
        return audit(replace(evidence, stored_calls=calls, model_calls=whole))

    assert with_cause("timeout").repeated_calls == 0
    assert with_cause("refused").repeated_calls == 1


def test_every_overload_doubles_the_least_wait() -> None:
    evidence = sound()
    key = evidence.accepted[1].question_id
    calls = [call for call in evidence.stored_calls if call.call.question_id != key]
    failed = {"outcome": "failed", "cause": "overloaded", "http_status": 503}
    calls += [
        StoredCall(CallId(key, 0, 1, 1), started_at=100.0, failed_at=100.0, **failed),
        StoredCall(CallId(key, 0, 1, 2), started_at=104.0, failed_at=104.0, **failed),
        StoredCall(CallId(key, 0, 1, 3), "answered", started_at=112.0),
    ]
    third = replace(prompt(evidence.accepted[1].text), refused=True)
    whole = replace(evidence, stored_calls=calls, model_calls=[*evidence.model_calls, third])
    assert faults_of(audit(whole)) == {}
    calls[-1] = replace(calls[-1], started_at=111.9)
    assert faults_of(audit(replace(whole, stored_calls=calls))) == {"early_retries": 1}
