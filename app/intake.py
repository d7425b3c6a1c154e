"""Taking questions in: identity, look-ups, and the log. Shared by the API, `ask` and `run`."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agents.context import Context
from app.core.identity import fresh_id, idempotent_id, question_id
from app.core.lifecycle import ANSWERED, Status
from app.core.pulse import Pulse
from app.core.questions import StoredQuestion
from app.errors import BrokerUnavailable, InputError, StoreUnavailable
from app.ports import Accepted
from app.tracing import Carrier, carrier_of_text
from models.questions import Question

#: How long the log may take to acknowledge before the client is told to come back: a busy machine
#: must still get the 503 out within 3 s.
SEND_SECONDS = 2.0
_POLL_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class NewQuestion:
    """A question as a client asks it. `question_id` is given when the client derived it."""

    question_text: str
    original_answer: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    question_id: str | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """A question that was taken in, or found: `stored` is what was known of it, if anything.

    Only an end of `round` or a later one is its end: an earlier round was dead. `ended` gets the
    question when this process stores its end; only when it was asked for. `unstored` is what
    nobody has stored yet, as far as is known.
    """

    question_id: str
    stored: StoredQuestion | None
    ended: asyncio.Future[StoredQuestion] | None = None
    round: int = 0
    unstored: Accepted | None = None

    def forget(self) -> None:
        """Stop waiting for the end."""
        if self.ended is not None:
            self.ended.cancel()

    @property
    def answered(self) -> bool:
        return self.stored is not None and self.stored.status in ANSWERED


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
            _refuse_other_body(stored, new)
        if stored is not None and stored.status in ANSWERED:
            return Taken(key, stored)
        round_ = 0
        if stored is not None:
            round_ = stored.turn.round + (stored.status is Status.DEAD)
        question = self._question(key, new, round_)
        ended = self._context.watch.expect(key) if will_wait else None
        before = carrier_of_text(stored.trace_context) if stored is not None else None
        tracing = self._context.tracing
        try:
            with tracing.intake(question, trace, before, source):
                await self.send([question])
                accepted = _accepted(question, tracing.carrier(key))
        except BaseException:
            if ended is not None:
                ended.cancel()
            raise
        self._context.metrics.count("questions_accepted", source)
        shown = source == "api"
        if shown and not will_wait:
            await self._store_accepted(accepted)
        going_on = stored is not None and not stored.status.final
        unstored = accepted if shown and will_wait else None
        return Taken(key, stored if going_on else None, ended, round_, unstored)

    def _question(self, key: str, new: NewQuestion, round_: int) -> Question:
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
        channel = self._context.channel(self._context.names.questions_pending)
        tracing = self._context.tracing

        async def one(question: Question) -> None:
            key = question.question_id
            headers = tracing.headers(key)
            await (await channel.send(key=key, value=question, headers=headers))

        clock = asyncio.get_running_loop().time
        if self._pulse.refuses(clock()):
            raise BrokerUnavailable("the log acknowledges nothing at the moment")
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await asyncio.gather(*(one(question) for question in questions))
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

    async def _store_accepted(self, accepted: Accepted) -> None:
        """Show the question at once; when the database is away, `admit` does it later."""
        try:
            await self._context.ports.store.accept([accepted])
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
            await self._store_accepted(taken.unstored)
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


def _refuse_other_body(stored: StoredQuestion, new: NewQuestion) -> None:
    same = (
        stored.question_text == new.question_text
        and stored.original_answer == new.original_answer
        and stored.metadata == dict(new.metadata)
    )
    if not same:
        raise InputError(
            "this Idempotency-Key was used with another body: use a new key",
            field="Idempotency-Key",
        )
