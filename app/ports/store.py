"""The port of the database: questions, the ledger of model calls, verdicts, ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from app.core.costs import Costs
from app.core.lifecycle import Status, Turn
from app.core.questions import CallKey, StoredQuestion
from app.ports.facts import (
    Accepted,
    CallAnswer,
    CallFailure,
    Claim,
    ClaimRequest,
    Ending,
    Overdue,
    Page,
    StoredVerdict,
    SweepLimits,
    Waiting,
)
from app.ports.letters import DeadLetterRow, DeadLetterStore
from app.ports.quality import QualityStore
from app.ports.views import ViewStore


class AnswerStore(DeadLetterStore, ViewStore, QualityStore, Protocol):
    """Questions, the ledger of model calls, verdicts and dead letters.

    Every write is idempotent and ordered by `lifecycle.supersedes`: repeating it, or doing it late,
    changes nothing. Every method raises StoreUnavailable when the database can't be reached.
    """

    async def accept(self, questions: Sequence[Accepted]) -> set[str]:
        """Store questions as accepted; return the ids that are final in this or a later round."""
        ...

    async def claim(self, request: ClaimRequest) -> Claim:
        """Claim a call, or learn what became of it. A claim whose lease ran out is free again.

        A call of a round that is over is not made: its outcome, or Over. The owner's own unfinished
        claim is Busy too: one flight for each call. Marks the question
        `asking`.
        """
        ...

    async def renew(self, owner: str, lease_seconds: float, now: float) -> int:
        """Extend the owner's unfinished claims; return how many there are."""
        ...

    async def unclaim(self, call: CallKey, owner: str, *, made: bool = False) -> None:
        """Give up a claim whose call was not made or did not end: the next one may make it.

        With `made` the call had begun: it may have been paid, so its start stays counted.
        """
        ...

    async def record_answer(self, call: CallKey, owner: str, answer: CallAnswer) -> bool:
        """Keep an answer. False when an answer or failure is there already (it stays)."""
        ...

    async def record_failure(self, call: CallKey, owner: str, failure: CallFailure) -> bool:
        """Keep a failure. False when an answer or failure is there already (it stays).

        False as well while somebody else holds the claim: a failure of the past does not end the
        call that is being made now.
        """
        ...

    async def verdict(self, call: CallKey) -> StoredVerdict | None:
        """Return the verdict of a call's answer, if it was judged."""
        ...

    async def record_verdict(self, call: CallKey, verdict: StoredVerdict) -> StoredVerdict:
        """Keep a verdict and return the one in force: the first that was stored."""
        ...

    async def waiting(self, waits: Sequence[Waiting]) -> set[str]:
        """Mark questions as waiting; return those for whom there is nothing left to wait.

        These have ended in the round of their wait, or are in a later round already.
        """
        ...

    async def finish(
        self, endings: Sequence[Ending], dead_letters: Sequence[DeadLetterRow] = ()
    ) -> None:
        """Store ends and dead letters in one transaction.

        A dead letter is known by its origin, and kept once for each death: the same question, turn
        and cause from another message (a replayed failure) adds nothing.
        """
        ...

    async def costs(self, question_ids: Sequence[str] | None = None) -> dict[str, Costs]:
        """Return what the calls of these questions cost, or of all, by model (as in the ledger)."""
        ...

    async def question(self, question_id: str) -> StoredQuestion | None:
        """Return a question with all its attempts."""
        ...

    async def questions_by_id(self, question_ids: Sequence[str]) -> list[StoredQuestion]:
        """Return the known ones among the ids with all their attempts, in any order."""
        ...

    async def statuses(self, question_ids: Sequence[str]) -> dict[str, tuple[Status, Turn]]:
        """Return (status, turn) of the known ones among the ids."""
        ...

    async def questions(
        self, *, status: Status | None = None, limit: int = 50, cursor: str | None = None
    ) -> Page:
        """Return a page of questions without their attempts. Raises InputError on a bad cursor."""
        ...

    async def backlog(self, at_most: int) -> int:
        """Return the number of questions without an end, counted up to `at_most`."""
        ...

    async def take_overdue(self, now: float, limits: SweepLimits) -> list[Overdue]:
        """Return questions without an end that are past their deadline, or lost.

        Each is returned to one caller, and not again for `again_seconds` (lost ones:
        `lost_seconds`); a later round has its own deadline. In any order.
        """
        ...

    async def counts(self) -> dict[Status, int]:
        """Return the number of questions by status (only those that occur)."""
        ...

    async def check(self) -> str:
        """Return a short detail when the database answers; raises StoreUnavailable."""
        ...

    async def close(self) -> None: ...
