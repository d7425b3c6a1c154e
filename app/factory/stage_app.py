"""The Faust app that every pipeline is: it knows its stages, and how it ends."""

from __future__ import annotations

import os
import socket
from time import monotonic
from uuid import uuid4

from agents.stage_context import StageContext
from app.service.boot import Boot
from app.service.stopping import stopped_in_time
from app.transports import StreamApp


class StageApp(StreamApp):
    """A Faust app with the context of its stages."""

    context: StageContext
    boot_strategy: Boot

    owns_process = False
    """The process is there for this app: one that is stuck, or can't stop, ends it."""

    stopped_in_time = True
    """False from the begin of a stop until it is through: without that the process must end."""

    async def stop(self) -> None:
        """Stop. An app that owns its process does so within a time, or leaves the rest."""
        if not self.owns_process:
            await super().stop()
            return
        self.stopped_in_time = False  # until it is: one that is broken off was not
        self.stopped_in_time = await stopped_in_time(
            super().stop(), self.context.log, self.context.limits.stop_grace_seconds
        )
        if not self.stopped_in_time:
            await self.boot_strategy.give_up()

    async def _stop_consumer(self) -> None:
        self.context.stopping_since = monotonic()
        await super()._stop_consumer()

    def _create_directories(self) -> None:
        """Tables live in memory and in their changelogs: Faust's folders are not needed."""


def new_owner() -> str:
    """Return a name for one engine: what it claims or writes, it does by this name."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"
