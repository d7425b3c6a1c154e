"""S1: every interleaving of the pure lifecycle, drawn by hypothesis; and defects that it must find.

A machine that finds nothing proves little: each planted defect below is one that a careless change
could make, and the same machine has to find it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from app.adapters.store import facts as store_facts
from app.adapters.store import memory as store_memory
from app.core import admission, holding, judging
from app.core.admission import Admission
from app.core.holding import Hold, Ignore
from app.core.judging import Next
from app.core.lifecycle import Status, Turn, supersedes
from app.core.retry import RetryKind, RetryPolicy, next_wait
from app.ports import CallAnswer, CallFailure
from tests.reliability.lifecycle_world import CRASHES, Broken, World

ANSWERS = ("0.1", "0.3", "0.5", "0.9")
FAILURES = ("overloaded", "overloaded", "timeout", "rate_limited", "bad_request")
IDS = ("q1", "q2")

indices = st.integers(0, 10_000)


class Lifecycle(RuleBasedStateMachine):
    """admit, claim, answer, fail, hold, release, judge, persist, replay, crash, redrive, forget."""

    @initialize()
    def one_question(self) -> None:
        self.world = World()
        self.world.ask("q1")

    @rule()
    def ask_again(self) -> None:
        """A client repeats itself, or the second question comes."""
        question_id = IDS[len(self.world.rounds) % 2]
        if question_id not in self.world.rounds:
            self.world.ask(question_id)

    @precondition(lambda self: self.world.unacknowledged())
    @rule(index=indices)
    def deliver(self, index: int) -> None:
        open_ = self.world.unacknowledged()
        self.world.deliver(open_[index % len(open_)])

    @rule(steps=st.integers(1, 25), text=st.sampled_from(ANSWERS))
    def all_goes_well_for_a_while(self, steps: int, text: str) -> None:
        self.world.run_on(steps, CallAnswer(text, 1.0))

    @rule(steps=st.integers(1, 25), cause=st.sampled_from(FAILURES), wait=st.booleans())
    def all_calls_fail_for_a_while(self, steps: int, cause: str, wait: bool) -> None:
        self.world.run_on(steps, CallFailure(cause, "", 1.0, self.world.now))
        if wait:
            self.world.wait(70)
            self.world.announce()

    @precondition(lambda self: self.world.unacknowledged())
    @rule(index=indices, at=st.sampled_from(CRASHES))
    def deliver_and_crash(self, index: int, at: str) -> None:
        open_ = self.world.unacknowledged()
        self.world.deliver(open_[index % len(open_)], at)
        self.world.crash()

    @rule(index=indices)
    def replay(self, index: int) -> None:
        """Deliver any message of the log again: a rebalance, or a group that was reset."""
        self.world.deliver(index % len(self.world.log))

    @precondition(lambda self: self.world.flights)
    @rule(index=indices, text=st.sampled_from(ANSWERS))
    def answer(self, index: int, text: str) -> None:
        flights = list(self.world.flights)
        self.world.end_call(flights[index % len(flights)], CallAnswer(text, 1.0))

    @precondition(lambda self: self.world.flights)
    @rule(index=indices, cause=st.sampled_from(FAILURES))
    def fail(self, index: int, cause: str) -> None:
        flights = list(self.world.flights)
        failure = CallFailure(cause, "", 1.0, self.world.now)
        self.world.end_call(flights[index % len(flights)], failure)

    @precondition(lambda self: self.world.zombies)
    @rule(index=indices, text=st.sampled_from((*ANSWERS, "")))
    def wake_a_zombie(self, index: int, text: str) -> None:
        outcome = CallAnswer(text, 1.0) if text else CallFailure("timeout", "", 1.0, self.world.now)
        self.world.wake_zombie(index % len(self.world.zombies), outcome)

    @rule(seconds=st.sampled_from((1, 6, 25, 70)))
    def time_passes(self, seconds: int) -> None:
        self.world.wait(seconds)
        self.world.announce()

    @precondition(lambda self: self.world.held)
    @rule(index=indices)
    def a_word_that_comes_early(self, index: int) -> None:
        held = sorted(self.world.held)
        self.world.forge_due(held[index % len(held)])

    @rule()
    def crash(self) -> None:
        self.world.crash()

    @precondition(lambda self: self._dead())
    @rule()
    def redrive(self) -> None:
        self.world.redrive(self._dead()[0])

    @precondition(lambda self: self.world.settled)
    @rule(index=indices)
    def forget(self, index: int) -> None:
        settled = sorted(self.world.settled)
        self.world.forget(settled[index % len(settled)])

    def _dead(self) -> list[str]:
        return [each for each in IDS if self.world.status(each) is Status.DEAD]

    @invariant()
    def every_promise_holds(self) -> None:
        self.world.check()

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.world.settle()
            self.world.check_at_rest()


def explore(examples: int, steps: int, phases: tuple[Phase, ...] = tuple(Phase)) -> None:
    run_state_machine_as_test(
        Lifecycle,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            derandomize=True,
            phases=phases,
            suppress_health_check=list(HealthCheck),
            print_blob=False,
        ),
    )


def test_s1_every_interleaving_keeps_every_promise() -> None:
    explore(examples=200, steps=40)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_s1_many_more_interleavings_keep_every_promise() -> None:
    explore(examples=20_000, steps=80)


# -- planted defects: (what it is, where it is patched, the careless version)


def _an_end_may_move(old: Turn, was: Status, new: Turn, now: Status) -> bool:
    return supersedes(old, Status.JUDGING if was.final and now.final else was, new, now)


def _a_round_is_nothing_special(old: Turn, was: Status, new: Turn, now: Status) -> bool:
    return supersedes(old, was, new._replace(round=old.round), now)


real_on_failure, real_on_due = holding.on_failure, holding.on_due
real_admit, real_what_next = admission.admit, judging.what_next


def _repeats_re_arm(held: Any, turn: Turn, *rest: Any) -> Any:
    if held is not None and turn == held.failed:
        held = replace(held, failed=turn._replace(attempt=0), settled_at=None)
    return real_on_failure(held, turn, *rest)


def _early_words_count(held: Any, turn: Turn, now: float) -> Any:
    return real_on_due(held, turn, now + 1e9)


def _any_word_counts(held: Any, turn: Turn, now: float) -> Any:
    return real_on_due(held, held.failed if held else turn, now + 1e9)


def _one_retry_too_many(
    policy: RetryPolicy, kind: RetryKind, retries: int, after: float | None, draw: float
) -> Any:
    return next_wait(policy, kind, max(0, retries - 1), after, draw)


def _waits_are_not_counted(*arguments: Any) -> Any:
    decision = real_on_failure(*arguments)
    if isinstance(decision, Hold):
        return Hold(replace(decision.held, overloads=0, quotas=0))
    return decision


def _a_failure_is_forgotten(held: Any, turn: Turn, *rest: Any) -> Any:
    return Ignore() if turn.attempt == 2 else real_on_failure(held, turn, *rest)


def _weak_answers_pass(status: Status, generation: int, most: int) -> Next:
    step = real_what_next(status, generation, most)
    return Next.ACCEPT if step is Next.END_WITH_BEST else step


def _gives_up_early(status: Status, generation: int, most: int) -> Next:
    return real_what_next(status, generation, most - 1)


def _asks_once_more(status: Status, generation: int, most: int) -> Next:
    return real_what_next(status, generation, most + 1)


def _new_generations_are_repeats(seen: Any, arriving: Any, *rest: Any, **named: Any) -> Admission:
    if seen is not None and arriving.round <= seen.round:
        return Admission.REPEAT
    return real_admit(seen, arriving, *rest, **named)


async def _a_claim_forgets_answers(self: Any, request: Any) -> Any:
    call = self._calls.get(request.call)
    if call is not None and call.answer is not None:
        call.answer, call.lease_until = None, 0.0
    return await real_claim(self, request)


real_claim = store_memory.MemoryStore.claim
real_record_answer = store_memory.MemoryStore.record_answer


async def _the_last_answer_wins(self: Any, call: Any, owner: str, answer: Any) -> bool:
    row = self._calls.get(call)
    if row is not None:
        row.answer, row.failure, row.verdict = None, None, None
    return await real_record_answer(self, call, owner, answer)


DEFECTS: dict[str, tuple[Any, str, Callable[..., Any]]] = {
    "an end may move": (store_facts, "supersedes", _an_end_may_move),
    "a redriven round is swallowed": (store_facts, "supersedes", _a_round_is_nothing_special),
    "a repeated failure re-arms its wait": (holding, "on_failure", _repeats_re_arm),
    "a word that comes early counts": (holding, "on_due", _early_words_count),
    "a word about another turn counts": (holding, "on_due", _any_word_counts),
    "one retry too many": (holding, "next_wait", _one_retry_too_many),
    "retries are not counted": (holding, "on_failure", _waits_are_not_counted),
    "a failure is forgotten": (holding, "on_failure", _a_failure_is_forgotten),
    "the last weak answer passes": (judging, "what_next", _weak_answers_pass),
    "given up a generation early": (judging, "what_next", _gives_up_early),
    "asked a generation too often": (judging, "what_next", _asks_once_more),
    "a new generation is a repeat": (admission, "admit", _new_generations_are_repeats),
    "an answer is asked for again": (store_memory.MemoryStore, "claim", _a_claim_forgets_answers),
    "a late answer overwrites": (
        store_memory.MemoryStore,
        "record_answer",
        _the_last_answer_wins,
    ),
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_s1_a_planted_defect_is_found(defect: str, monkeypatch: pytest.MonkeyPatch) -> None:
    where, name, careless = DEFECTS[defect]
    monkeypatch.setattr(where, name, careless)
    with pytest.raises(Broken):
        explore(examples=600, steps=40, phases=(Phase.generate,))
