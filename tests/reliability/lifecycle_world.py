"""The pure lifecycle as one small world: a log, the stages' decisions, the ledger, a clock.

Every decision is the product's own (`app.core`, and the memory store for ledger and rows); what is
written here is only the wiring that the agents do: decide, store, publish, change the table,
acknowledge, in this order, and a crash may come between any two of them. Nothing is ever lost from
the log, and any message may be delivered again, in any order.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

from app.adapters.clock import ManualClock
from app.adapters.store.memory import MemoryStore
from app.core import admission
from app.core.holding import Held
from app.core.lifecycle import Status, Turn
from app.core.questions import CallKey
from app.ports import (
    Busy,
    CallAnswer,
    CallFailure,
    Claimed,
    ClaimRequest,
    Over,
)
from tests.reliability.lifecycle_parts import (
    MAX_CALLS,
    Broken,
    Message,
    promise,
    run,
)
from tests.reliability.lifecycle_promises import (
    check_at_rest,
    check_ends,
    end_of,
    retries_within_limits,
)
from tests.reliability.lifecycle_stages import STAGES

LEASE_SECONDS = 30.0
QUIESCENT_WITHIN = 3000
#: Where a crash may come: after the write to the store, the publication, the table change.
CRASHES = ("store", "publish", "table")


class World:
    """The whole pipeline. `deliver` handles one message; `settle` lets everything come to rest."""

    def __init__(self) -> None:
        self.clock = ManualClock()
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
        return self.clock.now()

    def wait(self, seconds: float) -> None:
        """Time passes; the living renew their claims."""
        self.clock.advance(seconds)
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
        outgoing, change_table = STAGES[message.topic](self, message)
        if crash == "store":
            return
        self.log += outgoing
        if crash == "publish":
            return
        change_table()
        if crash != "table":
            self.acknowledged.add(number)

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
        retries_within_limits(self, key)
        self.flights[number] = key

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
            promise(end_of(before) == end_of(after), "a zombie overwrites no end")
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

    def announce(self) -> None:
        """The timers: a word for each wait that is over."""
        for question_id, held in self.held.items():
            if held.due_at is not None and held.due_at <= self.now:
                self.log.append(Message("due", question_id, held.failed))

    def forge_due(self, question_id: str) -> None:
        """A word that comes too early."""
        self.log.append(Message("due", question_id, self.held[question_id].failed))

    # -- time and trouble

    def crash(self) -> None:
        """The worker dies: calls in flight are cut off, and their leases run out."""
        for number, key in self.flights.items():
            self.crashed[key] += 1
            self.zombies.append((number, key, self.owner))
        self.flights.clear()
        self.worker += 1
        self.clock.advance(LEASE_SECONDS + 1)

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
        check_ends(self)

    def check_at_rest(self) -> None:
        """What holds when nothing is left to do: every question has ended, in its latest round."""
        check_at_rest(self)
