"""Table `retries`: the waiting calls and their due times, with the due queue beside it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import faust
import msgspec

from app.core.due import DueQueue, Wait
from app.core.holding import Held
from app.core.lifecycle import Turn
from app.core.retry import RetryKind
from app.tracing.carrier import Carrier
from tables.forgetting import Forgetting
from tables.keys import JSON_KEY


class HeldCall(msgspec.Struct, frozen=True, omit_defaults=True):
    """A table value: `Held` flat, and the request to send when it is due (wire JSON).

    The table holds it as JSON: 100,000 waits must fit into memory, and as many changelog writes
    into seconds.
    """

    round: int
    generation: int
    attempt: int
    kind: str
    partition: int
    overloads: int = 0
    quotas: int = 0
    failed_at: float = 0.0
    due_at: float | None = None
    settled_at: float | None = None
    request: str | None = None
    traceparent: str | None = None
    tracestate: str | None = None

    @property
    def carrier(self) -> Carrier | None:
        """Where the trace goes on when the wait is over; values of before have none."""
        return None if self.traceparent is None else Carrier(self.traceparent, self.tracestate)

    @property
    def held(self) -> Held:
        return Held(
            failed=Turn(self.round, self.generation, self.attempt),
            kind=RetryKind(self.kind),
            overloads=self.overloads,
            quotas=self.quotas,
            due_at=self.due_at,
            settled_at=self.settled_at,
        )


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(HeldCall).decode


class Retries:
    """What `hold` keeps back. Write only inside `hold`, for keys of its event's partition."""

    name = "retries"

    def __init__(
        self,
        app: faust.App,
        partitions: int,
        forget_after_seconds: float,
        owned_partitions: Callable[[], frozenset[int]],
    ) -> None:
        self.table = app.Table(
            self.name,
            key_type=str,
            value_type=bytes,
            partitions=partitions,
            help="Calls that wait for their retry, with their due times and counts",
        )
        self.table.key_serializer = JSON_KEY
        self.due = DueQueue()
        self._forgetting = Forgetting(forget_after_seconds)
        self._owned_partitions = owned_partitions
        self.table.on_recover(self._rebuild)

    def get(self, question_id: str) -> HeldCall | None:
        """Return what is kept of a question, or None."""
        found: bytes | None = self.table.get(question_id)
        return None if found is None else _decode(found)

    def put(
        self,
        question_id: str,
        held: Held,
        partition: int,
        failed_at: float,
        request: str | None,
        carrier: Carrier | None = None,
    ) -> None:
        """Store the state of a question and keep the due queue in step."""
        value = HeldCall(
            round=held.failed.round,
            generation=held.failed.generation,
            attempt=held.failed.attempt,
            kind=str(held.kind),
            partition=partition,
            overloads=held.overloads,
            quotas=held.quotas,
            failed_at=failed_at,
            due_at=held.due_at,
            settled_at=held.settled_at,
            request=request,
            traceparent=carrier.traceparent if carrier else None,
            tracestate=carrier.tracestate if carrier else None,
        )
        self.table[question_id] = _encode(value)
        if held.due_at is None:
            self.due.remove(question_id)
        else:
            wait = Wait(question_id, held.failed, held.due_at, str(held.kind))
            self.due.put(partition, wait)
        if held.settled_at is not None:
            self._forgetting.add(partition, question_id, held.settled_at)

    def forget_old(self, partition: int, now: float) -> None:
        """Drop the entries of a partition that settled long enough ago."""
        for question_id in self._forgetting.take_old(partition, now):
            found = self.get(question_id)
            if found is not None and self._forgetting.is_old(found.settled_at, now):
                self.table.pop(question_id)

    async def _rebuild(self, *_: Any) -> None:
        """Build the due queue anew after recovery, for the partitions that are owned now."""
        owned = self._owned_partitions()
        self.due.keep_partitions(frozenset())
        self._forgetting.clear()
        settled = []
        for question_id, stored in self.table.items():
            value = _decode(stored)
            if value.partition not in owned:
                continue
            if value.due_at is not None:
                wait = Wait(question_id, value.held.failed, value.due_at, value.kind)
                self.due.put(value.partition, wait)
            if value.settled_at is not None:
                settled.append((value.settled_at, value.partition, question_id))
        for settled_at, partition, question_id in sorted(settled):
            self._forgetting.add(partition, question_id, settled_at)
