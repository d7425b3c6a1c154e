"""What the watchdog sees of a worker: its partitions, and who is away.

The event loop may be asked for this at any time; nothing here raises because something is broken.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from faust.types import TP

from agents.stage_context import StageContext
from app.core.progress import NO_PARTITIONS, REBALANCING, SILENT, Head, Look, Where

#: How long the broker and the consumer may take to answer a look's questions.
ASK_SECONDS = 3.0
#: How long an assignment may take, or a recovery get no further: Kafka's own limit is shorter.
ASSIGNMENT_SECONDS = 120.0
_ENDS_SOON = ("rebalancing", "draining")


@dataclass
class Eyes:
    """What the watchdog has to remember from look to look to see what the consumer sees."""

    context: StageContext
    stuck_seconds: float
    ends: Mapping[TP, int] = field(default_factory=dict)
    asked_at: float = -1e9
    silent: bool = False
    no_members: bool = False
    paused_since: float | None = None
    recovered: int = 0

    async def look(self, suspicious: bool) -> Look:
        """Look at every partition. `suspicious`: something stands still, so ask who is away."""
        now = time.monotonic()
        pause = self._pause()
        if pause is not None:
            if (recovered := self._recovered()) != self.recovered:
                self.recovered, self.paused_since = recovered, now
            since = self.paused_since = self.paused_since or now
            endless = pause in _ENDS_SOON and now - since > ASSIGNMENT_SECONDS
            if not endless or await self._broker_is_away():
                return Look(now, pause=pause)
            return Look(now, troubles=frozenset({REBALANCING}))
        self.paused_since = None
        if now - self.asked_at >= max(2.0, self.stuck_seconds / 10):
            self.asked_at = now
            await self._ask()
        if suspicious and await self._broker_is_away():
            return Look(time.monotonic(), pause="the broker is away")
        troubles = {SILENT} if self.silent else set()
        troubles |= {NO_PARTITIONS} if self.no_members else set()
        return Look(time.monotonic(), self._heads(), frozenset(troubles))

    def _pause(self) -> str | None:
        app = self.context.app
        if app.should_stop:
            return "stopping"
        if app.rebalancing:
            return "rebalancing"
        if self.context.opened is None or not app.tables.actives_ready:
            return "recovering"
        if app.consumer.draining.is_set() or not app.consumer.flow_active:
            return "draining"
        return None

    def _recovered(self) -> int:
        """How far table recovery, which may be long, has come: a count of changelog records."""
        return sum(
            offset or 0 for offset in self.context.app.tables.recovery.active_offsets.values()
        )

    async def _ask(self) -> None:
        """Learn the ends of the log, and whether the group still knows us."""
        consumer = self.context.app.consumer
        self.silent = self.no_members = False
        try:
            async with asyncio.timeout(ASK_SECONDS):
                self.ends = dict(await consumer.ends())
                if not consumer.assignment():
                    self.no_members = await consumer.group_is_empty()
        except Exception:  # noqa: BLE001 (whatever it raises, it does not answer)
            self.silent = True

    async def _broker_is_away(self) -> bool:
        try:
            async with asyncio.timeout(ASK_SECONDS):
                await self.context.app.ask_broker()
        except Exception:  # noqa: BLE001 (Kafka's client raises what it likes)
            return True
        return False

    def _heads(self) -> dict[str, Head]:
        waits, working = self._in_hand(time.monotonic())
        stages = stages_of(self.context.app)
        found = {}
        for tp, head in self.context.app.consumer.heads().items():
            end = max(head.end or 0, self.ends.get(tp, 0))
            names = stages.get(tp.topic, [])
            if id(head.message) in waits:
                where, excuse = Where.HELD, waits[id(head.message)]
            else:  # nobody has begun it, though the agent's queue may hold it
                where = Where.QUEUED if head.why == "held" else Where(head.why)
                excuse = next((f"{name} works" for name in names if name in working), None)
            found[f"{tp.topic}[{tp.partition}]"] = Head(
                offset=head.offset,
                lag=max(0, end - head.offset),
                stage="+".join(names) or "nobody",
                where=where,
                stored=head.stored,
                excuse=excuse,
            )
        return found

    def _in_hand(self, now: float) -> tuple[dict[int, str | None], set[str]]:
        """Return what each message in hand waits for, and the stages that work on something.

        A message of two stages waits only while both do.
        """
        waits: dict[int, str | None] = {}
        working = set()
        for entry in self.context.waiting_for.entries():
            wait, key = entry.waits_for(now), id(entry.event.message)
            waits[key] = wait if waits.get(key, wait) is not None else None
            if wait is not None or now - entry.since < self.stuck_seconds:
                working.add(entry.stage)
        return waits, working


def stages_of(app: Any) -> dict[str, list[str]]:
    """Return the names of the stages that read each topic."""
    found: dict[str, list[str]] = {}
    for name, agent in sorted(app.agents.items()):
        for topic in agent.channel.topics:
            found.setdefault(topic, []).append(name.rpartition(".")[2])
    return found
