"""What a worker starts beside Faust's own services: ports, topics, leases, the HTTP server."""

from __future__ import annotations

import traceback
from collections.abc import Iterable
from typing import Any

from faust.app.base import BootStrategy
from mode import Service

from agents.context import Context
from agents.questions.calling import finish_detached
from app.errors import AnswerloopError, StoreUnavailable, UnavailableError
from app.logs import adopt
from app.opening import OpenPorts, open_ports
from app.service.stopping import end_process
from app.service.watchdog import Patience, Watchdog
from app.settings import Settings
from app.topic_admin import ensure_topics, open_topic_admin, refuse_other_partitions
from app.topics import all_topics


class Outside(Service):
    """Opens the ports first and closes them last; keeps this worker's claims alive in between."""

    abstract = False

    def __init__(self, context: Context, settings: Settings, *, opens_ports: bool) -> None:
        super().__init__()
        self._context = context
        self._settings = settings
        self.opens_ports = opens_ports
        self._opened: OpenPorts | None = None

    async def on_start(self) -> None:
        if self.opens_ports and self._context.app.owns_process:
            adopt(self._settings.log_format, self._settings.log_level)
        try:
            if self.opens_ports:
                self._opened = await open_ports(self._settings)
                self._context.opened = self._opened.ports
            await prepare_topics(self._settings)
        except AnswerloopError as error:
            if self.opens_ports:
                self._context.log.error("cannot_start", reason=str(error))
            raise

    async def on_stop(self) -> None:
        if self._context.opened is None:
            return
        await finish_detached(self._context)
        await self.close_ports()

    async def close_ports(self) -> None:
        """Close the ports, where it was this service that opened them."""
        opened, self._opened = self._opened, None
        if opened is not None:
            await opened.close()

    @Service.task
    async def _renew_claims(self) -> None:
        context = self._context
        lease = context.limits.lease_seconds
        while not self.should_stop:
            await self.sleep(lease / 3)
            try:
                await context.ports.store.renew(context.owner, lease, context.now())
            except StoreUnavailable:
                context.metrics.count("db_errors")
                context.outages.failed(context.now())
            except Exception:  # noqa: BLE001 (a task that ends would end the worker)
                context.log.error("renew_failed", error=traceback.format_exc())


class Boot(BootStrategy):
    """Faust's start order, with the outside first and our own HTTP server instead of Faust's."""

    def __init__(
        self, app: Any, context: Context, settings: Settings, *, opens_ports: bool
    ) -> None:
        super().__init__(app, enable_web=False)
        self._outside = Outside(context, settings, opens_ports=opens_ports)
        self._watchdog = Watchdog(context, Patience(settings.stuck_seconds))
        self.http: Service | None = None

    def sensors(self) -> Iterable[Any]:
        return [self._outside, *super().sensors()]

    def web_server(self) -> Iterable[Any]:
        return [self.http] if self.http is not None else []

    def tables(self) -> Iterable[Any]:
        return [*super().tables(), self._watchdog]

    async def give_up(self) -> None:
        """After a stop that was not in time: close what this app opened, and end the process.

        Where somebody else opened the ports (a command), he closes them and ends it.
        """
        if self._outside.opens_ports:
            await self._outside.close_ports()
            end_process(UnavailableError.exit_code)


async def prepare_topics(settings: Settings) -> None:
    """Create missing topics; a partition count that differs stops the start."""
    admin = await open_topic_admin(settings)
    try:
        refuse_other_partitions(await ensure_topics(admin, all_topics(settings)))
    finally:
        await admin.close()
