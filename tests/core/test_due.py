"""The due queue: nothing early, nothing lost, and announced again until it is removed."""

from __future__ import annotations

import time

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from app.core.due import DueQueue, Wait
from app.core.lifecycle import Turn

RESEND = 10.0
FIRST = Turn(0, 1, 1)


def wait(question_id: str, due_at: float, kind: str = "overload", turn: Turn = FIRST) -> Wait:
    return Wait(question_id, turn, due_at, kind)


def test_nothing_is_early_and_the_oldest_comes_first() -> None:
    queue = DueQueue(RESEND)
    for name, due_at in (("c", 3.0), ("a", 1.0), ("b", 2.0)):
        queue.put(0, wait(name, due_at))
    assert queue.take_due(0.999, "overload", 10) == []
    assert [w.question_id for w in queue.take_due(2.0, "overload", 10)] == ["a", "b"]
    assert [w.question_id for w in queue.take_due(3.0, "overload", 10)] == ["c"]


def test_what_was_announced_comes_again_only_after_a_while() -> None:
    queue = DueQueue(RESEND)
    queue.put(0, wait("a", 1.0))
    assert len(queue.take_due(1.0, "overload", 10)) == 1
    assert queue.take_due(1.0 + RESEND - 0.001, "overload", 10) == []
    assert len(queue.take_due(1.0 + RESEND, "overload", 10)) == 1
    queue.remove("a")
    assert queue.take_due(1e9, "overload", 10) == []


def test_a_wait_that_is_put_anew_is_announced_once_and_at_its_new_time() -> None:
    queue = DueQueue(RESEND)
    queue.put(0, wait("a", 1.0))
    queue.put(0, wait("a", 5.0))
    assert queue.take_due(4.9, "overload", 10) == []
    queue.put(0, wait("a", 5.0))
    assert len(queue.take_due(5.0, "overload", 10)) == 1


def test_the_two_kinds_do_not_see_each_other() -> None:
    queue = DueQueue(RESEND)
    queue.put(0, wait("a", 1.0, "quota"))
    assert queue.take_due(9.0, "overload", 10) == []
    queue.put(0, wait("a", 1.0, "overload"))
    assert queue.take_due(9.0, "quota", 10) == []
    assert len(queue.take_due(9.0, "overload", 10)) == 1


def test_a_batch_is_limited_and_the_rest_is_not_forgotten() -> None:
    queue = DueQueue(RESEND)
    for n in range(10):
        queue.put(0, wait(str(n), float(n)))
    first = queue.take_due(100.0, "overload", 4)
    rest = queue.take_due(100.0, "overload", 100)
    assert [w.question_id for w in first + rest] == [str(n) for n in range(10)]


def test_partitions_that_went_to_another_worker_are_forgotten() -> None:
    queue = DueQueue(RESEND)
    for partition in range(4):
        queue.put(partition, wait(f"q{partition}", 1.0))
    queue.keep_partitions(frozenset({1, 3}))
    assert {w.question_id for w in queue.take_due(1.0, "overload", 10)} == {"q1", "q3"}
    assert len(queue) == 2


def test_five_thousand_due_at_once_are_all_announced_once_and_quickly() -> None:
    queue = DueQueue(RESEND)
    for n in range(5000):
        queue.put(n % 8, wait(f"q{n}", 7.0))
    started = time.perf_counter()
    taken: list[Wait] = []
    while batch := queue.take_due(7.0, "overload", 2000):
        taken += batch
    assert {w.question_id for w in taken} == {f"q{n}" for n in range(5000)}
    assert len(taken) == 5000
    assert time.perf_counter() - started < 2


class AgainstANaiveModel(RuleBasedStateMachine):
    """The queue next to a dictionary that looks at everything each time."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.queue = DueQueue(RESEND)
        self.known: dict[str, tuple[int, Wait, float]] = {}

    ids = st.sampled_from("abcdef")
    kinds = st.sampled_from(["overload", "quota"])

    @rule(
        q=ids,
        partition=st.integers(0, 2),
        delay=st.integers(0, 30),
        kind=kinds,
        attempt=st.integers(1, 3),
    )
    def put(self, q: str, partition: int, delay: int, kind: str, attempt: int) -> None:
        added = wait(q, self.now + delay, kind, Turn(0, 1, attempt))
        self.queue.put(partition, added)
        self.known[q] = (partition, added, added.due_at)

    @rule(q=ids)
    def remove(self, q: str) -> None:
        self.queue.remove(q)
        self.known.pop(q, None)

    @rule(partitions=st.frozensets(st.integers(0, 2)))
    def keep(self, partitions: frozenset[int]) -> None:
        self.queue.keep_partitions(partitions)
        self.known = {q: v for q, v in self.known.items() if v[0] in partitions}

    @rule(seconds=st.integers(0, 15), kind=kinds, limit=st.integers(1, 4))
    def take(self, seconds: int, kind: str, limit: int) -> None:
        self.now += seconds
        ready = sorted(
            (at, q) for q, (_, w, at) in self.known.items() if w.kind == kind and at <= self.now
        )
        taken = self.queue.take_due(self.now, kind, limit)
        assert [w.question_id for w in taken] == [q for _, q in ready[:limit]]
        assert all(w.due_at <= self.now for w in taken)
        for w in taken:
            partition, _, _ = self.known[w.question_id]
            self.known[w.question_id] = (partition, w, self.now + RESEND)

    @invariant()
    def the_same_waits_are_known(self) -> None:
        assert set(self.queue) == {w for _, w, _ in self.known.values()}
        assert len(self.queue) == len(self.known)
        earliest = min((w.due_at for _, w, _ in self.known.values()), default=None)
        assert self.queue.next_due() == earliest


AgainstANaiveModel.TestCase.settings = settings(max_examples=60, stateful_step_count=30)
TestAgainstANaiveModel = AgainstANaiveModel.TestCase
