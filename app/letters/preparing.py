"""What is to be sent of a dead letter, or why nothing is: decided here, done in `redriving`."""

from __future__ import annotations

from collections.abc import Callable

from agents.endings import MAX_KEY_BYTES, MAX_ORIGINAL_BYTES
from agents.waits import CUT
from app.core.lifecycle import Status
from app.core.questions import StoredQuestion
from app.core.redrive import (
    Arrived,
    AsBytes,
    AsQuestion,
    Known,
    Refusal,
    Refused,
    check_bytes,
    decide,
)
from app.letters.plans import Mended, Prepared, Rules
from app.letters.sender import Message
from app.ports.letters import DeadLetterRow, LetterWish
from app.wire import MAX_VALUE_BYTES, WireGate
from models.questions import Question

_QUESTIONS = WireGate(Question)


class Preparer:
    """Prepares letters by the rules of an installation; asks no store."""

    def __init__(self, rules: Rules, now: Callable[[], float]) -> None:
        self._rules = rules
        self._now = now

    def decide(
        self, letter: DeadLetterRow, known: Known | None, mended: Mended | None = None
    ) -> AsQuestion | AsBytes | Arrived | Refused:
        """Say what may become of a letter whose question stands as `known`."""
        decision = decide(letter.mark, letter.question_id, letter.turn, known, self._now())
        if not isinstance(decision, AsBytes):
            return decision
        size = letter.size if mended is None else len(mended.value)
        cut_at = MAX_ORIGINAL_BYTES if mended is None else MAX_VALUE_BYTES + 1
        why = check_bytes(letter.origin_topic, size, self._rules.own_topics, cut_at)
        key = letter.key if mended is None or mended.key is None else mended.key
        if why is None and mended is None and letter.detail.endswith(CUT):
            why = Refusal.CUT
        if why is None and key is not None and len(key) >= MAX_KEY_BYTES:
            why = Refusal.CUT
        return decision if why is None else Refused(why)

    def prepared(
        self, letter: DeadLetterRow, question: StoredQuestion | None, mended: Mended | None
    ) -> Prepared:
        """Return what is to be sent of a letter, with its bytes mended where they are."""
        known = None if question is None else Known(question.status, question.turn)
        decision = self.decide(letter, known, mended)
        match decision:
            case Refused(why):
                return Prepared(letter, "refused", reason=f"{why}: {why.meaning}")
            case Arrived(round_):
                return Prepared(letter, "arrived", wish=_wish(letter, AsQuestion(round_)))
            case AsBytes():
                key = letter.key if mended is None or mended.key is None else mended.key
                value = letter.value if mended is None else mended.value
                message = Message(letter.origin_topic, key, value)
                return Prepared(letter, "bytes", message, _wish(letter, decision))
        if question is None:
            raise ValueError("a question that is not stored is refused before")
        return self._as_question(letter, question, decision, mended)

    def _as_question(
        self,
        letter: DeadLetterRow,
        question: StoredQuestion,
        decision: AsQuestion,
        mended: Mended | None,
    ) -> Prepared:
        try:
            record = self._record(question, decision.round)
            value = _QUESTIONS.encode(record)
            if mended is not None:
                value = mended.value
                record = _mended_question(value, question.question_id, decision.round)
            if len(value) > MAX_VALUE_BYTES:
                raise ValueError(f"{len(value)} bytes are more than the log takes")
        except ValueError as error:
            return Prepared(letter, "failed", reason=str(error)[:500])
        message = Message(self._rules.names.questions_pending, record.question_id.encode(), value)
        return Prepared(letter, "question", message, _wish(letter, decision, record))

    def _record(self, question: StoredQuestion, round_: int) -> Question:
        """Return the question of a new round: nothing is kept of the rounds before.

        Not the best attempt either: its place names a call of that round, and its score may be
        another scorer's. The ledger keeps every answer.
        """
        return Question(
            question_id=question.question_id,
            question_text=question.question_text,
            original_answer=question.original_answer,
            metadata=question.metadata,
            model=question.model,
            accepted_at=self._now(),
            round=round_,
            deadline_seconds=self._rules.deadline_seconds,
        )


def _wish(
    letter: DeadLetterRow, decision: AsQuestion | AsBytes, record: Question | None = None
) -> LetterWish:
    if record is None:
        return LetterWish(letter.origin, decision)
    row = StoredQuestion(
        question_id=record.question_id,
        status=Status.ACCEPTED,
        question_text=record.question_text,
        original_answer=record.original_answer,
        model=record.model,
        turn=record.turn,
        accepted_at=record.accepted_at,
        metadata=record.metadata,
    )
    return LetterWish(letter.origin, decision, row)


def _mended_question(value: bytes, question_id: str, round_: int) -> Question:
    """Return the question in mended bytes. Raises ValueError when it is another one."""
    record = _QUESTIONS.decode(value)
    if not isinstance(record, Question):
        raise ValueError("the mended bytes are no answerloop.Question")
    wanted = {"question_id": question_id, "round": round_, "generation": 1, "attempt": 1}
    for name, right in wanted.items():
        if getattr(record, name) != right:
            raise ValueError(
                f"the mended {name} must stay {right!r}, not {getattr(record, name)!r}"
            )
    return record
