"""`answerloop worker` with a fault that stands it still as soon as a file appears.

python -m tests.reliability.stuck_worker FAULT TRIGGER_FILE
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agents.questions import judge
from app.cli.main import main

FOR_EVER = 86_400.0
_real_judge = judge._judge


def triggered(trigger: Path) -> bool:
    return trigger.exists()


def hang(trigger: Path) -> None:
    """The handler of `judge` never ends."""

    async def hanging(context: Any, answer: Any) -> Any:
        if triggered(trigger):
            await asyncio.sleep(FOR_EVER)
        return await _real_judge(context, answer)

    judge._judge = hanging


def block(trigger: Path) -> None:
    """The event loop is blocked."""

    async def blocking(context: Any, answer: Any) -> Any:
        if triggered(trigger):
            time.sleep(FOR_EVER)  # noqa: ASYNC251 - this is the fault
        return await _real_judge(context, answer)

    judge._judge = blocking


def no_fetch(trigger: Path) -> None:
    """The consumer fetches nothing any more."""
    from app.transports.embedded.consumer import Consumer as Embedded
    from app.transports.kafka import Consumer as Kafka

    consumer: Any
    for consumer in (Embedded, Kafka):
        real = consumer._fetch

        async def stopped(self: Any, *args: Any, _real: Callable[..., Any] = real) -> Any:
            while triggered(trigger):
                await asyncio.sleep(1)
            return await _real(self, *args)

        consumer._fetch = stopped


def stop_hangs(trigger: Path) -> None:
    """The handler hangs, and the app's stop hangs as well."""
    from app.factory import PipelineApp

    async def never(self: Any) -> None:
        await asyncio.sleep(FOR_EVER)

    hang(trigger)
    PipelineApp.stop = never  # type: ignore[method-assign]


def never_joins(trigger: Path) -> None:
    """The group does not know this member any more, and does not let it join again."""
    from aiokafka.consumer.group_coordinator import CoordinatorGroupRebalance, GroupCoordinator

    from app.service import looking

    looking.ASSIGNMENT_SECONDS = 3.0
    beat, join = GroupCoordinator._do_heartbeat, CoordinatorGroupRebalance.perform_group_join

    async def unknown(self: Any) -> Any:
        if not triggered(trigger):
            return await beat(self)
        self.reset_generation()
        return False

    async def refused(self: Any) -> Any:
        return None if triggered(trigger) else await join(self)

    GroupCoordinator._do_heartbeat = unknown
    CoordinatorGroupRebalance.perform_group_join = refused


FAULTS = {each.__name__: each for each in (hang, block, no_fetch, stop_hangs, never_joins)}

if __name__ == "__main__":
    FAULTS[sys.argv[1]](Path(sys.argv[2]))
    main(["worker"])
