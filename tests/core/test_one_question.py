"""S1: whatever happens to one question, its calls are bounded and it ends once.

The machine plays the log, the model and the stages around the pure decisions: every message may be
delivered late, twice or in another order, and old messages may come again at any time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from app.core.admission import Admission, Seen, admit
from app.core.gate import Gate, Score
from app.core.holding import Bury, Held, Hold, Ignore, on_due, on_failure, on_settled
from app.core.judging import Next, verdict, what_next
from app.core.lifecycle import Status, Turn, supersedes
from app.core.retry import RetryKind, RetryPolicy

MOST = 3
POLICY = RetryPolicy(overload_max_retries=2, quota_max_retries=1, jitter=0.0)
CALLS_AT_MOST = MOST + POLICY.overload_max_retries + POLICY.quota_max_retries
FIRST = Turn(0, 1, 1)


@dataclass
class Log:
    """Every message ever sent, by topic; any of them may be delivered, and delivered again."""

    questions: list[Turn] = field(default_factory=lambda: [FIRST])
    requests: list[Turn] = field(default_factory=list)
    answers: list[Turn] = field(default_factory=list)
    failures: list[tuple[Turn, RetryKind]] = field(default_factory=list)
    dues: list[Turn] = field(default_factory=list)
    ends: list[tuple[Turn, Status]] = field(default_factory=list)
    settled: list[int] = field(default_factory=list)


def _note(topic: list[Any], message: Any) -> None:
    """Append once: any message may be delivered again anyway."""
    if message not in topic:
        topic.append(message)


class OneQuestion(RuleBasedStateMachine):
    """Rules deliver one message each; `pick` chooses which, so histories shrink well."""

    def __init__(self) -> None:
        super().__init__()
        self.log = Log()
        self.now = 1_700_000_000.0
        self.seen: Seen | None = None
        self.held: Held | None = None
        self.ledger: dict[Turn, bool | RetryKind] = {}
        self.calls: list[Turn] = []
        self.verdicts: dict[Turn, Status] = {}
        self.stored: tuple[Turn, Status] = (FIRST, Status.ACCEPTED)
        self.ends: list[tuple[Turn, Status]] = []

    pick = st.integers(0, 10_000)

    @rule(pick=pick)
    def admit(self, pick: int) -> None:
        turn = self.log.questions[pick % len(self.log.questions)]
        if self.stored[1].final and self.stored[0].round >= turn.round:
            return
        arriving = Seen(turn.round, turn.generation)
        if admit(self.seen, arriving, MOST, has_best=turn.generation > 1) is Admission.ASK:
            _note(self.log.requests, turn)
            self.seen = arriving

    @rule(pick=pick, outcome=st.sampled_from(["answer", *RetryKind]))
    def ask(self, pick: int, outcome: str) -> None:
        if not self.log.requests:
            return
        turn = self.log.requests[pick % len(self.log.requests)]
        if turn not in self.ledger:
            self.calls.append(turn)
            self.ledger[turn] = True if outcome == "answer" else RetryKind(outcome)
        found = self.ledger[turn]
        if found is True:
            _note(self.log.answers, turn)
        else:
            _note(self.log.failures, (turn, RetryKind(str(found))))

    @rule(pick=pick)
    def hold(self, pick: int) -> None:
        if not self.log.failures:
            return
        turn, kind = self.log.failures[pick % len(self.log.failures)]
        decision = on_failure(self.held, turn, kind, None, POLICY, self.now, 0.5)
        if isinstance(decision, Hold):
            self.held = decision.held
            _note(self.log.dues, turn)
        elif isinstance(decision, Bury):
            self.held = decision.held
            _note(self.log.ends, (turn, Status.DEAD))

    @rule(pick=pick, seconds=st.sampled_from([0, 1, 100]))
    def due(self, pick: int, seconds: int) -> None:
        self.now += seconds
        if not self.log.dues:
            return
        turn = self.log.dues[pick % len(self.log.dues)]
        decision = on_due(self.held, turn, self.now)
        if not isinstance(decision, Ignore):
            assert self.held is not None
            assert self.held.due_at is not None
            assert self.held.due_at <= self.now, "early"
            self.held = decision
            _note(self.log.requests, turn._replace(attempt=turn.attempt + 1))

    @rule(pick=pick, f1=st.sampled_from([0.1, 0.9]))
    def judge(self, pick: int, f1: float) -> None:
        if not self.log.answers:
            return
        turn = self.log.answers[pick % len(self.log.answers)]
        made, _, _ = verdict("an answer", "a reference", Score(f1, f1, f1), Gate())
        status = self.verdicts.setdefault(turn, made)
        match what_next(status, turn.generation, MOST):
            case Next.ASK_AGAIN:
                _note(self.log.questions, Turn(turn.round, turn.generation + 1, 1))
            case Next.ACCEPT | Next.END_WITH_BEST:
                _note(self.log.ends, (turn, status))

    @rule(pick=pick)
    def persist(self, pick: int) -> None:
        if not self.log.ends:
            return
        turn, status = self.log.ends[pick % len(self.log.ends)]
        if supersedes(*self.stored, turn, status):
            self.stored = (turn, status)
            self.ends.append((turn, status))
        _note(self.log.settled, turn.round)

    @rule(pick=pick)
    def settle(self, pick: int) -> None:
        if not self.log.settled:
            return
        decision = on_settled(self.held, self.log.settled[pick % len(self.log.settled)], self.now)
        if not isinstance(decision, Ignore):
            self.held = decision

    @rule()
    def redrive(self) -> None:
        turn, status = self.stored
        if status is Status.DEAD and turn.round < 2:
            self.stored = (Turn(turn.round + 1, 1, 1), Status.ACCEPTED)
            _note(self.log.questions, self.stored[0])

    @invariant()
    def calls_are_bounded_and_never_repeated(self) -> None:
        assert len(set(self.calls)) == len(self.calls)
        assert all(turn.generation <= MOST for turn in self.calls)
        for round_ in range(3):
            assert sum(turn.round == round_ for turn in self.calls) <= CALLS_AT_MOST

    @invariant()
    def each_round_ends_at_most_once(self) -> None:
        rounds = [turn.round for turn, _ in self.ends]
        assert sorted(set(rounds)) == rounds

    def teardown(self) -> None:
        """Once everything is delivered often enough, the question has ended, once."""
        for _ in range(2 * CALLS_AT_MOST):
            if self.stored[1].final:
                break
            self.now += 1000
            for pick in range(25):
                self.admit(pick)
                self.ask(pick, "answer")
                self.hold(pick)
                self.due(pick, 0)
                self.judge(pick, 0.1)
                self.persist(pick)
        self.calls_are_bounded_and_never_repeated()
        self.each_round_ends_at_most_once()
        assert self.stored[1].final
        assert self.ends[-1] == self.stored


OneQuestion.TestCase.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)
TestOneQuestion = OneQuestion.TestCase
