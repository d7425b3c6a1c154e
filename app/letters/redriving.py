"""Redriving dead letters: claimed in the database, sent to the log, marked as sent.

A letter is claimed in the transaction that begins its question's new round, then sent, then marked.
Killed in between, the next redrive sends the same (id, round) again, which `admit` drops as a
repeat. Shared by the HTTP API and by the commands that work without an engine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from app.core.redrive import (
    Arrived,
    AsBytes,
    AsQuestion,
    Known,
    LetterFilter,
    Origin,
    Refusal,
    Refused,
    outcome_word,
)
from app.letters.plans import Mended, Plan, Prepared, Result, Rules
from app.letters.preparing import Preparer
from app.letters.sender import LetterSender
from app.ports import AnswerStore
from app.ports.letters import DeadLetterRow, LetterPosition, LetterWish, RedriveRecord
from app.tracing import NO_TRACING, Tracing, carrier_of_text
from app.tracing.port import Facts, Resumed

#: Letters of one request at most; a plan looks at more, without their bytes.
MAX_BATCH = 500
MAX_PLANNED = 100_000
_PLAN_PAGE = 1_000


class Redriver:
    """Plans and redrives. Raises StoreUnavailable; what one letter suffers is in its result."""

    def __init__(
        self,
        store: AnswerStore,
        sender: LetterSender,
        rules: Rules,
        now: Callable[[], float],
        tracing: Tracing = NO_TRACING,
    ) -> None:
        self._tracing = tracing
        self._store = store
        self._sender = sender
        self._preparer = Preparer(rules, now)
        self._now = now

    async def plan(self, wanted: LetterFilter, limit: int = MAX_PLANNED) -> Plan:
        """Say what redriving these letters would do, oldest first. Writes nothing."""
        plan = Plan(until=self._now())
        while plan.examined < limit:
            size = min(_PLAN_PAGE, limit - plan.examined)
            page = await self._store.dead_letters(
                wanted, after=plan.next, limit=size, with_bytes=False
            )
            await self._add(plan, page)
            plan.next = page[-1].position if len(page) == size else None
            if plan.next is None:
                break
        return plan

    async def plan_of(self, letters: Sequence[DeadLetterRow]) -> Plan:
        """Say what redriving exactly these would do."""
        plan = Plan(until=self._now())
        await self._add(plan, letters)
        return plan

    async def _add(self, plan: Plan, letters: Sequence[DeadLetterRow]) -> None:
        ids = {letter.question_id for letter in letters if letter.question_id is not None}
        standing = await self._store.statuses(sorted(ids))
        begun: set[str] = set()
        for letter in letters:
            known = standing.get(letter.question_id or "")
            decision = self._preparer.decide(letter, Known(*known) if known else None)
            if isinstance(decision, AsQuestion) and letter.question_id is not None:
                if letter.question_id in begun:  # another letter of it begins the new round
                    decision = Refused(Refusal.NEWER_ROUND)
                begun.add(letter.question_id)
            plan.examined += 1
            match decision:
                case Refused(why):
                    plan.refused[why] += 1
                    continue
                case AsQuestion():
                    plan.questions += 1
                case AsBytes():
                    plan.bytes_ += 1
                case Arrived():
                    continue
            plan.by_cause[letter.cause] += 1
            plan.by_topic[letter.origin_topic] += 1

    async def letters(
        self, wanted: LetterFilter, after: LetterPosition | None, limit: int
    ) -> list[DeadLetterRow]:
        """Return open letters with their bytes, oldest first."""
        return await self._store.dead_letters(wanted, after=after, limit=limit)

    async def prepare(
        self, letters: Sequence[DeadLetterRow], mended: Mapping[Origin, Mended] | None = None
    ) -> list[Prepared]:
        """Say for each letter what would be sent."""
        ids = {letter.question_id for letter in letters if letter.question_id is not None}
        found = await self._store.questions_by_id(sorted(ids))
        known = {question.question_id: question for question in found}
        changes = mended or {}
        return [
            self._preparer.prepared(
                letter, known.get(letter.question_id or ""), changes.get(letter.origin)
            )
            for letter in letters
        ]

    async def begin(self, record: RedriveRecord) -> int:
        """Keep the record of a redrive; return its id."""
        return await self._store.begin_redrive(record)

    async def redrive(
        self, redrive_id: int, prepared: Sequence[Prepared], skipped: Iterable[Result] = ()
    ) -> list[Result]:
        """Claim, send, mark. `skipped` are letters that the caller had nothing to send of."""
        traced = [_resumed(redrive_id, each) for each in prepared if each.message is not None]
        with self._tracing.redrive(traced):
            results = await self._claim_and_send(redrive_id, prepared, skipped)
            for result in results:
                failed = result.reason[:100] if result.outcome == "failed" else None
                facts = {"answerloop.outcome": result.outcome}
                self._tracing.note(str(result.origin), facts, error=failed)
        return results

    async def _claim_and_send(
        self, redrive_id: int, prepared: Sequence[Prepared], skipped: Iterable[Result]
    ) -> list[Result]:
        wishes = [self._traced(each.wish) for each in prepared if each.wish is not None]
        granted = await self._store.claim_dead_letters(redrive_id, wishes, self._now())
        going = []
        results = [*skipped]
        for each in prepared:
            origin = each.letter.origin
            if each.wish is None:
                results.append(Result(origin, each.outcome, each.reason))
                continue
            decision = granted[origin]
            if isinstance(decision, Refused):
                reason = f"{decision.why}: {decision.why.meaning}"
                results.append(Result(origin, "refused", reason))
            elif each.message is None or isinstance(decision, Arrived):
                results.append(self._result(each, outcome_word(Arrived(0))))
            else:
                going.append(each)
        sent, lost = await self._send(going)
        results += sent + lost
        await self._store.dead_letters_sent(
            redrive_id,
            [result.origin for result in sent],
            self._now(),
            refused=sum(result.outcome == "refused" for result in results),
            failed=sum(result.outcome == "failed" for result in results),
        )
        return results

    async def _send(self, going: Sequence[Prepared]) -> tuple[list[Result], list[Result]]:
        """Send claimed letters; those that failed stay in hand until the lease is over."""
        messages = [
            each.message._replace(headers=self._tracing.headers(str(each.letter.origin)))
            for each in going
            if each.message is not None
        ]
        sent, lost = [], []
        for each, error in zip(going, await self._sender.send(messages), strict=True):
            if error is None:
                sent.append(self._result(each, "sent"))
            else:
                lost.append(Result(each.letter.origin, "failed", error))
        return sent, lost

    def _traced(self, wish: LetterWish) -> LetterWish:
        """Have the new round's row keep where its trace goes on."""
        trace = self._tracing.carrier(str(wish.origin))
        if trace is None or wish.question is None:
            return wish
        return replace(wish, question=replace(wish.question, trace_context=trace.text))

    def _result(self, each: Prepared, outcome: str) -> Result:
        decision = each.wish.decision if each.wish is not None else None
        round_ = decision.round if isinstance(decision, AsQuestion) else None
        return Result(each.letter.origin, outcome, "", each.letter.question_id, round_)


def _resumed(redrive_id: int, each: Prepared) -> Resumed:
    """Return what the trace tells of a letter that is to be sent."""
    letter, question = each.letter, each.wish.question if each.wish else None
    facts: Facts = {
        "answerloop.redrive_id": redrive_id,
        "answerloop.origin": str(letter.origin),
        "answerloop.cause": letter.cause,
        "answerloop.question_id": letter.question_id,
        "answerloop.round": question.turn.round if question else None,
    }
    return Resumed(str(letter.origin), facts, carrier_of_text(letter.trace_context))
