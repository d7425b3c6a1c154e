"""The pure lifecycle as one small world: a log, the stages' decisions, the ledger, a clock.

Every decision is the product's own (`app.core`, and the memory store for ledger and rows); what is
written here is only the wiring that the agents do: decide, store, publish, change the table,
acknowledge, in this order, and a crash may come between any two of them. Nothing is ever lost from
the log, and any message may be delivered again, in any order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from app.adapters.store.memory import MemoryStore
from app.core import admission, holding, judging
from app.core.failures import CAUSES, Route
from app.core.gate import Gate, Score
from app.core.holding import Bury, Held, Hold
from app.core.judging import Next
from app.core.lifecycle import Status, Turn
from app.core.questions import CallKey
from app.core.retry import RetryKind, RetryPolicy
from app.ports import (
    Accepted,
    Busy,
    CallAnswer,
    CallFailure,
    Claimed,
    ClaimRequest,
    DeadLetterRow,
    Ending,
    Over,
    StoredVerdict,
    Waiting,
)

T = TypeVar("T")

POLICY = RetryPolicy(5.0, 40.0, 2, 60.0, 2, 0.0)
GATE = Gate(threshold=0.6)
MAX_GENERATIONS = 3
MAX_CALLS = MAX_GENERATIONS + POLICY.overload_max_retries + POLICY.quota_max_retries
LEASE_SECONDS = 30.0
QUIESCENT_WITHIN = 3000
#: Where a crash may come: after the write to the store, the publication, the table change.
CRASHES = ("store", "publish", "table")


class Broken(AssertionError):
    """A promise was broken."""


def promise(kept: bool, words: str) -> None:
    if not kept:
        raise Broken(words)


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine of the memory store: it never waits."""
    try:
        work.send(None)
    except StopIteration as done:
        found: T = done.value
        return found
    raise RuntimeError("the memory store waits for nothing")


@dataclass(frozen=True)
class Best:
    """The best scored attempt so far, as it travels with its question."""

    score: float
    answer: str
    turn: Turn


@dataclass(frozen=True)
class Message:
    """A message of the log: its topic, question, turn, and what only some have."""

    topic: str
    question_id: str
    turn: Turn
    best: Best | None = None
    text: str = ""
    status: Status | None = None


class WorldClock:
    """Time that goes on when the world says so."""

    def __init__(self) -> None:
        self.seconds = 1_000_000.0

    def now(self) -> float:
        return self.seconds


class World:
    """The whole pipeline. `deliver` handles one message; `settle` lets everything come to rest."""

    def __init__(self) -> None:
        self.clock = WorldClock()
        self.log: list[Message] = []
        self.acknowledged: set[int] = set()
        self.store = MemoryStore(self.clock)
        self.seen: dict[str, admission.Seen] = {}
        self.held: dict[str, Held] = {}
        self.waiting: dict[str, Message] = {}
        self.settled: dict[str, int] = {}
        self.worker = 1
        self.flights: dict[int, CallKey] = {}
        self.zombies: list[tuple[int, CallKey, str]] = []
        self.calls: Counter[CallKey] = Counter()
        self.crashed: Counter[CallKey] = Counter()
        self.ends: dict[tuple[str, int], tuple[Any, ...]] = {}
        self.rounds: dict[str, int] = {}
        self.scores: dict[str, dict[Turn, float]] = {}

    @property
    def now(self) -> float:
        return self.clock.seconds

    def wait(self, seconds: float) -> None:
        """Time passes; the living renew their claims."""
        self.clock.seconds += seconds
        run(self.store.renew(self.owner, LEASE_SECONDS, self.now))

    @property
    def owner(self) -> str:
        return f"worker-{self.worker}"

    def unacknowledged(self) -> list[int]:
        return [n for n in range(len(self.log)) if n not in self.acknowledged]

    # -- what comes from outside

    def ask(self, question_id: str, round_: int = 0) -> None:
        """A client's 202, or a redrive: the question is on the log."""
        self.rounds[question_id] = max(round_, self.rounds.get(question_id, 0))
        self.log.append(Message("pending", question_id, Turn(round_, 1, 1)))

    def status(self, question_id: str) -> Status | None:
        row = run(self.store.question(question_id))
        return None if row is None else row.status

    def redrive(self, question_id: str) -> None:
        """Ask a dead question again, in a new round."""
        row = run(self.store.question(question_id))
        promise(row is not None and row.status is Status.DEAD, "only the dead are redriven")
        assert row is not None
        self.ask(question_id, row.turn.round + 1)

    # -- the stages

    def deliver(self, number: int, crash: str | None = None) -> None:
        """Deliver a message, and crash after a step."""
        message = self.log[number]
        if message.topic == "requests":
            self._start_call(number, message)
            return
        stage: Callable[[Message], tuple[list[Message], Callable[[], None]]] = {
            "pending": self._admit,
            "failures": self._route,
            "overload": self._hold_failure,
            "quota": self._hold_failure,
            "due": self._hold_due,
            "answers": self._judge,
            "ends": self._persist,
            "settled": self._forget_later,
        }[message.topic]
        outgoing, change_table = stage(message)
        if crash == "store":
            return
        self.log += outgoing
        if crash == "publish":
            return
        change_table()
        if crash != "table":
            self.acknowledged.add(number)

    def _admit(self, message: Message) -> tuple[list[Message], Callable[[], None]]:
        turn = message.turn
        promise(turn.generation <= MAX_GENERATIONS, "no generation beyond the limit is asked for")
        ended = run(self.store.accept([self._accepted(message)]))
        if message.question_id in ended:
            return [], _nothing
        arriving = admission.Seen(turn.round, turn.generation)
        decision = admission.admit(
            self.seen.get(message.question_id),
            arriving,
            MAX_GENERATIONS,
            has_best=message.best is not None,
        )

        def change() -> None:
            known = self.seen.get(message.question_id)
            self.seen[message.question_id] = max(known or arriving, arriving)

        match decision:
            case admission.Admission.ASK:
                return [replace(message, topic="requests")], change
            case admission.Admission.REPEAT:
                return [], _nothing
            case admission.Admission.END_WITH_BEST:
                return [self._best_as_end(message)], change
            case admission.Admission.DEAD:
                return [self._letter(message, "anti_cycle")], change

    def _start_call(self, number: int, message: Message) -> None:
        """`ask`: claim the call; it is in flight until it ends, or the worker dies."""
        key = CallKey(message.question_id, *message.turn)
        claim = run(
            self.store.claim(ClaimRequest(key, self.owner, LEASE_SECONDS, "model", self.now))
        )
        if isinstance(claim, Busy):
            return
        if not isinstance(claim, Claimed):
            self._publish_outcome(number, claim)
            return
        row = run(self.store.question(key.question_id))
        over = row is not None and row.status.final and row.turn.round >= key.round
        promise(not over, f"nothing is asked after the end of its round: {key}")
        self.calls[key] += 1
        promise(
            self.calls[key] <= 1 + self.crashed[key],
            f"a call is made once, and once more for each crash in the middle of it: {key}",
        )
        in_round = [k for k in self.calls if k[:2] == key[:2]]
        promise(len(in_round) <= MAX_CALLS, f"at most {MAX_CALLS} calls in a round: {in_round}")
        self._retries_within_limits(key)
        self.flights[number] = key

    def _retries_within_limits(self, key: CallKey) -> None:
        """Each retry spends one of its kind: that of the failure before it."""
        spent: Counter[Route] = Counter()
        for made in self.calls:
            if made[:2] == key[:2] and made.attempt > 1:
                before = self.store._calls[made._replace(attempt=made.attempt - 1)].failure
                promise(before is not None, f"a retry comes after a failure: {made}")
                assert before is not None
                spent[CAUSES[before.cause].route] += 1
        promise(spent[Route.OVERLOAD] <= POLICY.overload_max_retries, f"overloads: {spent}")
        promise(spent[Route.QUOTA] <= POLICY.quota_max_retries, f"rate limits: {spent}")

    def run_on(self, steps: int, outcome: CallAnswer | CallFailure) -> None:
        """Let the worker go on undisturbed: messages in order, each call ending in `outcome`."""
        for _ in range(steps):
            open_ = [n for n in self.unacknowledged() if n not in self.flights]
            if open_:
                self.deliver(open_[0])
            for number in list(self.flights):
                self.end_call(number, outcome)

    def end_call(self, number: int, outcome: CallAnswer | CallFailure) -> None:
        """A call in flight ends: its outcome is stored, then published."""
        key = self.flights.pop(number)
        self._record(key, self.owner, outcome)
        self._publish_outcome(number, None)

    def wake_zombie(self, index: int, outcome: CallAnswer | CallFailure) -> None:
        """A worker that was frozen or cut off comes back with what its call gave."""
        number, key, owner = self.zombies.pop(index)
        before = run(self.store.question(key.question_id))
        self._record(key, owner, outcome)
        after = run(self.store.question(key.question_id))
        if before is not None and before.status.final:
            assert after is not None
            promise(_end_of(before) == _end_of(after), "a zombie overwrites no end")
        self._publish_outcome(number, None)

    def _record(self, key: CallKey, owner: str, outcome: CallAnswer | CallFailure) -> None:
        if isinstance(outcome, CallAnswer):
            run(self.store.record_answer(key, owner, outcome))
        else:
            run(self.store.record_failure(key, owner, outcome))

    def _publish_outcome(self, number: int, claim: CallAnswer | CallFailure | Over | None) -> None:
        """Publish what the ledger holds; a call that lost its claim publishes nothing."""
        message = self.log[number]
        if claim is None:
            key = CallKey(message.question_id, *message.turn)
            again = ClaimRequest(key, "reader", 0.0, "model", -1.0)
            found = run(self.store.claim(again)) if self._ended(key) else None
            if not isinstance(found, CallAnswer | CallFailure):
                return
            claim = found
        if isinstance(claim, Over):  # not wanted any more: nothing is published
            self.acknowledged.add(number)
            return
        if isinstance(claim, CallAnswer):
            self.log.append(replace(message, topic="answers", text=claim.text))
        else:
            self.log.append(replace(message, topic="failures", text=claim.cause))
        self.acknowledged.add(number)

    def _ended(self, key: CallKey) -> bool:
        row = self.store._calls.get(key)
        return row is not None and not row.open

    def _route(self, message: Message) -> tuple[list[Message], Callable[[], None]]:
        match CAUSES[message.text].route:
            case Route.OVERLOAD:
                return [replace(message, topic="overload")], _nothing
            case Route.QUOTA:
                return [replace(message, topic="quota")], _nothing
            case Route.DEAD:
                return [self._letter(message, message.text)], _nothing

    def _hold_failure(self, message: Message) -> tuple[list[Message], Callable[[], None]]:
        question_id, turn = message.question_id, message.turn
        before = self.held.get(question_id)
        kind = RetryKind(message.topic)
        decision = holding.on_failure(before, turn, kind, None, POLICY, self.now, 0.5)
        match decision:
            case Hold(held):
                promise(
                    before is None or turn > before.failed,
                    f"a repeated failure re-arms nothing: {turn}",
                )
                promise((held.due_at or 0) > self.now, "a wait ends later than it begins")
                wait = Waiting(question_id, turn, held.due_at or 0.0, message.text)
                over = run(self.store.waiting([wait]))
                if question_id in over:
                    return [], _nothing
                again = replace(
                    message, topic="requests", text="", turn=turn._replace(attempt=turn.attempt + 1)
                )

                def change() -> None:
                    self.held[question_id] = held
                    self.waiting[question_id] = again

                return [], change
            case Bury(held, cause):

                def change() -> None:
                    self.held[question_id] = held
                    self.waiting.pop(question_id, None)

                return [self._letter(message, cause)], change
            case _:
                return [], _nothing

    def announce(self) -> None:
        """The timers: a word for each wait that is over."""
        for question_id, held in self.held.items():
            if held.due_at is not None and held.due_at <= self.now:
                self.log.append(Message("due", question_id, held.failed))

    def forge_due(self, question_id: str) -> None:
        """A word that comes too early."""
        self.log.append(Message("due", question_id, self.held[question_id].failed))

    def _hold_due(self, message: Message) -> tuple[list[Message], Callable[[], None]]:
        question_id = message.question_id
        before = self.held.get(question_id)
        decision = holding.on_due(before, message.turn, self.now)
        if not isinstance(decision, Held) or question_id not in self.waiting:
            return [], _nothing
        assert before is not None
        promise(
            before.due_at is not None and before.due_at <= self.now,
            "a retry never comes before its due time",
        )
        request = self.waiting[question_id]
        promise(request.turn.attempt == message.turn.attempt + 1, "the right call is released")

        def change() -> None:
            self.held[question_id] = decision
            self.waiting.pop(question_id, None)

        return [request], change

    def _judge(self, message: Message) -> tuple[list[Message], Callable[[], None]]:
        key = CallKey(message.question_id, *message.turn)
        value = float(message.text)
        status, score, why = judging.verdict(
            message.text, "reference", Score(value, value, value), GATE
        )
        made = StoredVerdict(status, score, GATE.threshold, "f1", "scorer", why)
        stored = run(self.store.record_verdict(key, made))
        self.scores.setdefault(message.question_id, {})[message.turn] = value
        best = self._better(message, value)
        match judging.what_next(stored.status, message.turn.generation, MAX_GENERATIONS):
            case Next.ACCEPT:
                promise(value >= GATE.threshold, f"a weak answer ({value}) never passes")
                return [replace(message, topic="ends", status=stored.status)], _nothing
            case Next.ASK_AGAIN:
                promise(value < GATE.threshold, "a good answer is not asked for again")
                turn = Turn(message.turn.round, message.turn.generation + 1, 1)
                promise(turn.generation <= MAX_GENERATIONS, "no generation beyond the limit")
                return [Message("pending", message.question_id, turn, best)], _nothing
            case Next.END_WITH_BEST:
                asked = message.turn.generation
                promise(asked == MAX_GENERATIONS, f"given up after {asked} generations")
                return [self._best_as_end(replace(message, best=best))], _nothing

    def _better(self, message: Message, value: float) -> Best:
        this, best = Best(value, message.text, message.turn), message.best
        return best if best is not None and best.score >= value else this

    def _best_as_end(self, message: Message) -> Message:
        assert message.best is not None
        return replace(message, topic="ends", text=message.best.answer, status=Status.LOW_QUALITY)

    def _letter(self, message: Message, cause: str) -> Message:
        return replace(message, topic="ends", status=Status.DEAD, text=cause)

    def _persist(self, message: Message) -> tuple[list[Message], Callable[[], None]]:
        dead = message.status is Status.DEAD
        assert message.status is not None
        ending = Ending(
            question_id=message.question_id,
            turn=message.turn,
            status=message.status,
            question_text="Why?",
            original_answer="reference",
            model="model",
            accepted_at=1.0,
            finished_at=self.now,
            answer=None if dead else message.text,
            cause=message.text if dead else None,
        )
        letters = [self._letter_row(message)] if dead else []
        run(self.store.finish([ending], letters))
        settled = Message("settled", message.question_id, message.turn)
        return [settled], _nothing

    def _letter_row(self, message: Message) -> DeadLetterRow:
        return DeadLetterRow(
            origin_topic="topic",
            origin_partition=0,
            origin_offset=self.log.index(message),
            cause=message.text,
            detail="",
            first_seen_at=self.now,
            dead_at=self.now,
            question_id=message.question_id,
            turn=message.turn,
        )

    def _forget_later(self, message: Message) -> tuple[list[Message], Callable[[], None]]:
        question_id, round_ = message.question_id, message.turn.round
        decision = holding.on_settled(self.held.get(question_id), round_, self.now)

        def change() -> None:
            self.settled[question_id] = max(round_, self.settled.get(question_id, 0))
            if isinstance(decision, Held):
                self.held[question_id] = decision
                self.waiting.pop(question_id, None)

        return [], change

    def _accepted(self, message: Message) -> Accepted:
        return Accepted(message.question_id, "Why?", "reference", "model", message.turn, 1.0)

    # -- time and trouble

    def crash(self) -> None:
        """The worker dies: calls in flight are cut off, and their leases run out."""
        for number, key in self.flights.items():
            self.crashed[key] += 1
            self.zombies.append((number, key, self.owner))
        self.flights.clear()
        self.worker += 1
        self.clock.seconds += LEASE_SECONDS + 1

    def forget(self, question_id: str) -> None:
        """The tables forget a question that is settled: they must not grow for ever."""
        round_ = self.settled.pop(question_id)
        seen, held = self.seen.get(question_id), self.held.get(question_id)
        if seen is not None and seen.round <= round_:
            del self.seen[question_id]
        if held is not None and held.settled_at is not None:
            del self.held[question_id]
            self.waiting.pop(question_id, None)

    def settle(self) -> None:
        """Let everything come to rest: each message delivered, each call answered, waits over."""
        for _ in range(QUIESCENT_WITHIN):
            open_ = self.unacknowledged()
            for number in list(self.flights):
                self.end_call(number, CallAnswer("0.9", 1.0))
            if not open_ and not any(held.due_at for held in self.held.values()):
                return
            for number in open_:
                if number not in self.flights:
                    self.deliver(number)
            self.wait(LEASE_SECONDS + 1)
            self.announce()
        raise Broken(f"it never comes to rest: {[self.log[n] for n in self.unacknowledged()][:5]}")

    # -- the promises

    def check(self) -> None:
        """Every promise that holds at each moment."""
        for question_id in self.rounds:
            row = run(self.store.question(question_id))
            if row is None:
                continue
            for (known_id, round_), end in self.ends.items():
                if known_id == question_id:
                    promise(row.turn.round >= round_, "a round never goes back")
                    if row.turn.round == round_:
                        promise(_end_of(row) == end, f"an end never changes: {end} {_end_of(row)}")
            if row.status.final:
                self.ends[question_id, row.turn.round] = _end_of(row)
                self._right_end(row)

    def _right_end(self, row: Any) -> None:
        scores = {
            turn: score
            for turn, score in self.scores.get(row.question_id, {}).items()
            if turn.round == row.turn.round
        }
        if row.status is Status.VALIDATED:
            promise(float(row.answer) >= GATE.threshold, "a weak answer never passes")
        if row.status is Status.LOW_QUALITY:
            promise(float(row.answer) == max(scores.values()), "the best attempt is kept")
            generations = {turn.generation for turn in scores}
            promise(len(generations) == MAX_GENERATIONS, f"given up after {generations}")
        if row.status is Status.DEAD:
            promise(bool(row.cause), "a dead question has its cause")

    def check_at_rest(self) -> None:
        """What holds when nothing is left to do: every question has ended, in its latest round."""
        self.check()
        for question_id, round_ in self.rounds.items():
            row = run(self.store.question(question_id))
            promise(row is not None and row.status.final, f"{question_id} never ended: {row}")
            assert row is not None
            promise(row.turn.round == round_, f"round {round_} of {question_id} was swallowed")
        promise(len(self.store._questions) == len(self.rounds), "one row for each question")


def _end_of(row: Any) -> tuple[Any, ...]:
    return (row.status, row.answer, row.cause, row.turn, row.finished_at)


def _nothing() -> None:
    """No table changes."""
