"""Taking questions in: identity, look-ups, and the log. Shared by the API, `ask` and `run`."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Sequence
from typing import Any

from agents.context import Context
from app.core.identity import fresh_id, idempotent_id, question_id
from app.core.lifecycle import ANSWERED, Status
from app.core.pulse import Pulse
from app.core.questions import StoredQuestion
from app.errors import BrokerUnavailable, StoreUnavailable
from app.intake.asked import Asked, Found, NewQuestion, Taken, refuse_other_body
from app.ports import Accepted
from app.tracing import Carrier, carrier_of_text
from app.tracing.port import Incoming
from models.questions import Question

#: How long the log may take to acknowledge before the client is told to come back: a busy machine
#: must still get the 503 out within 3 s.
SEND_SECONDS = 2.0
_POLL_SECONDS = 1.0


class Intake:
    """Takes questions in for one engine."""

    def __init__(self, context: Context, deadline_seconds: float) -> None:
        self._context = context
        self._deadline_seconds = deadline_seconds
        self._pulse = Pulse()

    def identify(
        self, new: NewQuestion, *, idempotency_key: str | None = None, fresh: bool = False
    ) -> str:
        """Return the id under which a question is known (see `app.core.identity`)."""
        if new.question_id is not None:
            return new.question_id
        if idempotency_key is not None:
            return idempotent_id(idempotency_key)
        if fresh:
            return fresh_id(int(self._context.now() * 1000), secrets.randbits(74))
        return question_id(new.question_text, new.original_answer, self._context.ports.model.model)

    async def take(
        self,
        new: NewQuestion,
        *,
        idempotency_key: str | None = None,
        fresh: bool = False,
        source: str = "api",
        will_wait: bool = False,
        trace: Carrier | None = None,
    ) -> Taken:
        """Find the stored answer of a question, or put it on the log.

        With `will_wait` its end is awaited from now on: give what is returned to `wait`. `trace`
        is the trace context of whoever asks.

        Raises BrokerUnavailable when the log does not acknowledge in time, InputError when an
        idempotency key comes again with another body. A dead question gets a new round.
        """
        key = self.identify(new, idempotency_key=idempotency_key, fresh=fresh)
        stored = await self._known(key)
        if stored is not None and idempotency_key is not None:
            refuse_other_body(stored, new)
        if stored is not None and stored.status in ANSWERED:
            return Taken(key, stored)
        question = self._question(key, new, stored)
        round_ = question.round
        ended = self._context.watch.expect(key) if will_wait else None
        try:
            [accepted] = await self._put([_incoming(question, stored, trace)], source)
        except BaseException:
            if ended is not None:
                ended.cancel()
            raise
        shown = source == "api"
        if shown and not will_wait:
            await self._store_accepted([accepted])
        going_on = stored is not None and not stored.status.final
        unstored = accepted if shown and will_wait else None
        return Taken(key, stored if going_on else None, ended, round_, unstored)

    async def find(self, asked: Sequence[Asked]) -> list[Found]:
        """Return what is known of each of several questions, in order; an equal one comes twice.

        Raises InputError as `take`.
        """
        keys = [
            self.identify(each.new, idempotency_key=each.idempotency_key, fresh=each.fresh)
            for each in asked
        ]
        known: dict[str, StoredQuestion] = {}  # with the database away: none
        try:
            rows = await self._context.ports.store.questions_by_id(list(set(keys)))
            known = {row.question_id: row for row in rows}
        except StoreUnavailable:
            self._context.metrics.count("db_errors")
        found = [Found(key, each, known.get(key)) for key, each in zip(keys, asked, strict=True)]
        first: dict[str, NewQuestion] = {}
        for number, (key, one, stored) in enumerate(found):
            before: StoredQuestion | NewQuestion = stored or first.setdefault(key, one.new)
            if one.idempotency_key is not None:
                refuse_other_body(before, one.new, f"questions[{number}].")
        return found

    async def take_all(self, found: Sequence[Found], trace: Carrier | None = None) -> None:
        """Put those of several questions that have no answer on the log: `take` for many.

        All are on it when this returns. Raises BrokerUnavailable: some may be, and none is asked
        twice when the same come again.
        """
        new = {one.question_id: one for one in found if not one.answered}
        incoming = [
            _incoming(self._question(key, one.asked.new, one.stored), one.stored, trace)
            for key, one in new.items()
        ]
        if incoming:
            await self._store_accepted(await self._put(incoming, "api"))

    async def _put(self, incoming: Sequence[Incoming], source: str) -> list[Accepted]:
        """Put questions on the log, and return what is to be stored of them."""
        tracing = self._context.tracing
        with tracing.intake(incoming, source):
            questions = [each.question for each in incoming]
            await self.send(questions)
            accepted = [_accepted(each, tracing.carrier(each.question_id)) for each in questions]
        self._context.metrics.count("questions_accepted", source, by=len(accepted))
        return accepted

    def _question(self, key: str, new: NewQuestion, stored: StoredQuestion | None) -> Question:
        """Return the message; a dead question gets a new round."""
        round_ = 0
        if stored is not None:
            round_ = stored.turn.round + (stored.status is Status.DEAD)
        return Question(
            question_id=key,
            question_text=new.question_text,
            original_answer=new.original_answer,
            metadata=dict(new.metadata),
            model=self._context.ports.model.model,
            accepted_at=self._context.now(),
            round=round_,
            deadline_seconds=self._deadline_seconds,
        )

    async def send(self, questions: Sequence[Question]) -> None:
        """Append questions to the log and wait for the acknowledgement of all."""
        clock = asyncio.get_running_loop().time
        if self._pulse.refuses(clock()):
            raise BrokerUnavailable("the log acknowledges nothing at the moment")
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await asyncio.gather(*[await self._append(question) for question in questions])
        except ValueError:
            self._pulse.unknown()
            raise
        except Exception as error:
            self._context.metrics.count("broker_errors")
            if isinstance(error, TimeoutError):
                self._pulse.silent(clock())
            else:
                self._pulse.unknown()
            raise BrokerUnavailable(f"the log did not take the question: {error!r}") from error
        except BaseException:
            self._pulse.unknown()
            raise
        self._pulse.acknowledged()

    async def _append(self, question: Question) -> Awaitable[Any]:
        context, key = self._context, question.question_id
        headers = context.tracing.headers(key)
        return await context.append(context.names.questions_pending, key, question, headers)

    async def _store_accepted(self, accepted: Sequence[Accepted]) -> None:
        """Show questions at once; when the database is away, `admit` does it later."""
        try:
            await self._context.ports.store.accept(accepted)
        except StoreUnavailable:
            self._context.metrics.count("db_errors")

    async def _known(self, key: str, since_round: int = 0) -> StoredQuestion | None:
        """Return what is stored of a question, unless that is from before a round."""
        try:
            stored = await self._context.ports.store.question(key)
        except StoreUnavailable:
            self._context.metrics.count("db_errors")
            return None
        return None if stored is None or stored.turn.round < since_round else stored

    async def wait(self, taken: Taken, seconds: float) -> StoredQuestion | None:
        """Return the question when it is final, or what is known of it when the time is over.

        Another worker may store the end: the database is asked now and then. Several may wait for
        one `taken`: the first who is through forgets it.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        ended = taken.ended
        stored = None if ended else await self._known(taken.question_id, taken.round)
        while not (stored is not None and stored.status.final):
            if ended is None or ended.cancelled():
                ended = self._context.watch.expect(taken.question_id)
            left = end - loop.time()
            await asyncio.wait({ended}, timeout=max(0.0, min(left, _POLL_SECONDS)))
            if ended.done() and not ended.cancelled():
                return ended.result()
            stored = await self._known(taken.question_id, taken.round)
            if left <= 0:
                break
        if ended is not None and ended is not taken.ended:
            ended.cancel()
        if stored is None and taken.unstored is not None:  # `admit` has not come to it
            await self._store_accepted([taken.unstored])
        return stored


def _accepted(question: Question, trace: Carrier | None) -> Accepted:
    return Accepted(
        question.question_id,
        question.question_text,
        question.original_answer,
        question.model,
        question.turn,
        question.accepted_at,
        question.metadata,
        trace.text if trace else None,
    )


def _incoming(
    question: Question, stored: StoredQuestion | None, parent: Carrier | None
) -> Incoming:
    before = carrier_of_text(stored.trace_context) if stored is not None else None
    return Incoming(question, parent, before)
