"""Conservation: from the evidence to a verdict. Pure: it can be tried on doctored evidence.

accepted = validated + low_quality + unscored + dead + pending; no id twice; no call twice.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

from app.chaos.evidence import Evidence, ModelCall, SaidEnd, StoredCall, StoredRow
from app.core.failures import CAUSES, Route
from app.core.identity import idempotent_id
from app.core.retry import RETRY_AFTER_MAX_SECONDS, RETRY_AFTER_MIN_SECONDS
from app.core.strategies import STRATEGIES

FINAL = ("validated", "low_quality", "unscored", "dead")
#: Such a call never reached the model, so its log has no line of it.
_UNSEEN_CAUSES = frozenset({"refused"})
#: Two clocks readings of one machine, and the rounding between them.
_CLOCK_SECONDS = 0.005
_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Audit:
    """What is left of the promises. Every number but the counts by state must be 0 or in its limit.

    `problems` describes the first of each kind in words.
    """

    accepted: int
    states: dict[str, int]
    pending: int
    lost: int
    duplicates: int
    strangers: int
    unpromised: int
    wrong_ends: int
    contradictions: int
    calls: int
    refused_calls: int
    repeated_calls: int
    uncalled: int
    early_retries: int
    lag: int
    letters_stored: int
    problems: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, object]:
        return {
            "accepted": self.accepted,
            **{state: self.states.get(state, 0) for state in FINAL},
            "pending": self.pending,
            "lost": self.lost,
            "duplicates": self.duplicates + self.contradictions,
            "repeated_calls": self.repeated_calls,
            "calls": self.calls,
            "refused_calls": self.refused_calls,
            "strangers": self.strangers,
            "unpromised": self.unpromised,
            "wrong_ends": self.wrong_ends,
            "contradictions": self.contradictions,
            "uncalled": self.uncalled,
            "early_retries": self.early_retries,
            "lag": self.lag,
            "letters_stored": self.letters_stored,
            "problems": self.problems,
        }


def audit(evidence: Evidence) -> Audit:
    """Compare the witnesses."""
    rows = {row.question_id: row for row in evidence.rows}
    ids = {question.question_id for question in evidence.accepted}
    lost = sorted(ids - rows.keys())
    unpromised = rows.keys() - ids
    strangers = sorted(unpromised - {idempotent_id(key) for key in evidence.offered})
    states = Counter(rows[each].status for each in ids & rows.keys())
    twice = _twice(evidence)
    wrong = _wrong_ends(evidence, rows)
    contradictions = _contradictions(evidence.said, rows)
    repeated, uncalled = _compare_calls(evidence, rows)
    refused = sum(call.refused for call in evidence.model_calls)
    early = _early(evidence)
    lag = {where: behind for where, behind in evidence.lag.items() if behind}
    return Audit(
        accepted=len(ids),
        states={state: states[state] for state in FINAL},
        pending=sum(count for state, count in states.items() if state not in FINAL),
        lost=len(lost),
        duplicates=len(twice),
        strangers=len(strangers),
        unpromised=len(unpromised) - len(strangers),
        wrong_ends=len(wrong),
        contradictions=len(contradictions),
        calls=len(evidence.model_calls),
        refused_calls=refused,
        repeated_calls=sum(repeated.values()),
        uncalled=sum(uncalled.values()),
        early_retries=len(early),
        lag=sum(lag.values()),
        letters_stored=evidence.letters_stored,
        problems=[
            *_told("lost", lost),
            *_told("twice", twice),
            *_told("not accepted, but stored", strangers),
            *_told("wrong end", wrong),
            *_told("contradiction", contradictions),
            *_told("called again", (f"{n} x {what}" for what, n in repeated.items())),
            *_told("answered without a call", map(str, uncalled)),
            *_told("early", early),
            *_told("unread", (f"{where}: {behind}" for where, behind in lag.items())),
            *_told("not ended", _open(evidence, rows)),
        ],
    )


def _told(what: str, found: Iterable[object]) -> list[str]:
    return [f"{what}: {each}" for each in list(found)[:_SHOWN]]


def _open(evidence: Evidence, rows: dict[str, StoredRow]) -> list[str]:
    found = (rows.get(question.question_id) for question in evidence.accepted)
    return [f"{r.question_id} ({r.status})" for r in found if r and r.status not in FINAL]


def _twice(evidence: Evidence) -> list[str]:
    """One question under two ids, or an id that its key does not give, or one text in two rows."""
    by_key: defaultdict[str, set[str]] = defaultdict(set)
    for question in evidence.accepted:
        if not question.key:  # its id was not derived from a key
            continue
        by_key[question.key].add(question.question_id)
        by_key[question.key].add(idempotent_id(question.key))
    keys = [f"key {key} has ids {sorted(found)}" for key, found in by_key.items() if len(found) > 1]
    rows = Counter(row.question_id for row in evidence.rows)
    texts = Counter(row.question_text for row in evidence.rows)
    return [
        *keys,
        *(f"{count} rows of id {each}" for each, count in rows.items() if count > 1),
        *(f"{count} rows of {text!r}" for text, count in texts.items() if count > 1),
    ]


def _wrong_ends(evidence: Evidence, rows: dict[str, StoredRow]) -> list[str]:
    wrong = {}
    for question in evidence.accepted:
        row = rows.get(question.question_id)
        if row is not None and row.status in FINAL and row.status != question.expected:
            wrong[question.question_id] = (
                f"{row.status}, not {question.expected}: {row.question_id}"
            )
    return list(wrong.values())


def _contradictions(said: list[SaidEnd], rows: dict[str, StoredRow]) -> list[str]:
    """Two verdicts on one attempt, two ends of one round, or an end that is not the stored one."""
    verdicts: defaultdict[object, set[object]] = defaultdict(set)
    ends: defaultdict[tuple[str, int], set[tuple[str, str | None]]] = defaultdict(set)
    for each in said:
        if each.status != "dead":
            verdicts[each.call].add((each.status, each.answer))
        if each.final:
            ends[each.call.question_id, each.call.round].add((each.status, each.answer))
    found = [f"{len(v)} verdicts on {call}" for call, v in verdicts.items() if len(v) > 1]
    found += [f"{len(e)} ends of {question}" for question, e in ends.items() if len(e) > 1]
    for (question_id, round_), known in ends.items():
        row = rows.get(question_id)
        if row is None or row.round != round_ or len(known) > 1:
            continue
        status, answer = next(iter(known))
        if row.status in FINAL and row.status != status:
            found.append(f"{question_id} is {row.status}, its message says {status}")
        elif row.status in FINAL and status != "dead" and row.answer != answer:
            found.append(f"{question_id} has another answer than its message")
    return found


def _compare_calls(
    evidence: Evidence, rows: dict[str, StoredRow]
) -> tuple[Counter[str], Counter[str]]:
    """Return calls beyond one for each (id, round, generation, attempt), and answers without one.

    The model sees text and seed: calls are compared for each question and generation. Those that
    it refused are left out: nothing was computed, and an open breaker asks again for the same turn.
    """
    known = {row.question_text: row.question_id for row in evidence.rows}
    made = Counter(_what(call, known) for call in evidence.model_calls if not call.refused)
    allowed, answered = Counter[str](), Counter[str]()
    for stored in evidence.stored_calls:
        row = rows.get(stored.call.question_id)
        if row is None:
            continue
        what = f"{row.question_text} (generation {_seed_of(stored)})"
        allowed[what] += not stored.refused and stored.cause not in _UNSEEN_CAUSES
        answered[what] += stored.outcome == "answered"
    return made - allowed, answered - made


def _seed_of(stored: StoredCall) -> int:
    return STRATEGIES.chosen("", stored.call.generation).seed


def _what(call: ModelCall, known: dict[str, str]) -> str:
    """Name a call by its question: the prompt's last line, after an instruction, if any."""
    question = call.text.rpartition("\n\n")[2] if call.text not in known else call.text
    return f"{question} (generation {call.seed})"


def _early(evidence: Evidence) -> list[str]:
    """Calls that came before the least wait after the failure before them was over."""
    by_question: defaultdict[tuple[str, int], list[StoredCall]] = defaultdict(list)
    for stored in evidence.stored_calls:
        by_question[stored.call.question_id, stored.call.round].append(stored)
    found = []
    for calls in by_question.values():
        overloads = 0
        ordered = sorted(calls, key=lambda each: each.call)
        for before, after in pairwise(ordered):
            if before.outcome != "failed" or before.failed_at is None:
                continue
            least = _least_wait(evidence, before, overloads)
            overloads += _route(before) is Route.OVERLOAD
            same = before.call[:3] == after.call[:3]
            if same and after.started_at < before.failed_at + least - _CLOCK_SECONDS:
                waited = after.started_at - before.failed_at
                found.append(f"{after.call} after {waited:.3f} s, not {least:.3f} s")
    return found


def _route(stored: StoredCall) -> Route | None:
    return CAUSES[stored.cause].route if stored.cause in CAUSES else None


def _least_wait(evidence: Evidence, failed: StoredCall, overloads: int) -> float:
    waits = evidence.waits
    asked = failed.retry_after_seconds
    if asked is not None:
        return min(max(asked, RETRY_AFTER_MIN_SECONDS), RETRY_AFTER_MAX_SECONDS)
    if _route(failed) is Route.QUOTA:
        return waits.quota * (1 - waits.jitter)
    return min(waits.overload_max, waits.overload_base * 2.0**overloads) * (1 - waits.jitter)
