"""Table `generations`: the latest (round, generation) of each question that was taken in."""

from __future__ import annotations

from typing import Any, Optional

import faust

from app.core.admission import Seen
from tables.forgetting import Forgetting


class SeenGeneration(faust.Record, namespace="answerloop.SeenGeneration", serializer="json"):
    """A table value. `partition` is that of the changelog, so that owners can be told."""

    round: int
    generation: int
    partition: int
    settled_at: Optional[float] = None  # noqa: UP045 (Faust reads it)


class Generations:
    """The anti-cycle memory of `admit`. Write only inside it, for keys of its event's partition."""

    name = "generations"

    def __init__(self, app: faust.App, partitions: int, forget_after_seconds: float) -> None:
        self.table = app.Table(
            self.name,
            key_type=str,
            value_type=SeenGeneration,
            partitions=partitions,
            help="Latest (round, generation) of each question: repeats and cycles are dropped",
        )
        self._forgetting = Forgetting(forget_after_seconds)
        self.table.on_recover(self._rebuild)

    def __len__(self) -> int:
        return len(self.table)

    def seen(self, question_id: str) -> Seen | None:
        found = self._get(question_id)
        return None if found is None else Seen(found.round, found.generation)

    def admit(self, question_id: str, seen: Seen, partition: int) -> None:
        """Note that a generation was taken in."""
        self.table[question_id] = SeenGeneration(
            round=seen.round, generation=seen.generation, partition=partition
        )

    def settle(self, question_id: str, round_: int, settled_at: float, partition: int) -> None:
        """Note that a round ended; the entry is forgotten after the grace period."""
        found = self._get(question_id)
        if found is None or found.round > round_ or found.settled_at is not None:
            return
        self.table[question_id] = found.derive(settled_at=settled_at)
        self._forgetting.add(partition, question_id, settled_at)

    def forget_old(self, partition: int, now: float) -> None:
        """Drop the entries of a partition that settled long enough ago."""
        for question_id in self._forgetting.take_old(partition, now):
            found = self._get(question_id)
            if found is not None and self._forgetting.is_old(found.settled_at, now):
                self.table.pop(question_id)

    def _get(self, question_id: str) -> SeenGeneration | None:
        found: SeenGeneration | None = self.table.get(question_id)
        return found

    async def _rebuild(self, *_: Any) -> None:
        self._forgetting.clear()
        settled = [
            (value.settled_at, value.partition, question_id)
            for question_id, value in self.table.items()
            if value.settled_at is not None
        ]
        for settled_at, partition, question_id in sorted(settled):
            self._forgetting.add(partition, question_id, settled_at)
