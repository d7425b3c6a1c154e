"""What a worker starts beside Faust's own services, and in which order."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from faust.app.base import BootStrategy
from mode import Service

from agents.stage_context import StageContext
from app.errors import UnavailableError
from app.service.collector import Collector
from app.service.outside import Outside
from app.service.stopping import end_process
from app.service.watchdog import Patience, Watchdog
from app.settings import Settings


class Boot(BootStrategy):
    """Faust's start order, with the outside first and our own HTTP server instead of Faust's."""

    def __init__(
        self, app: Any, context: StageContext, settings: Settings, outside: Outside
    ) -> None:
        super().__init__(app, enable_web=False)
        self._context = context
        self._outside = outside
        self._watchdog = Watchdog(context, Patience(settings.stuck_seconds))
        self.http: Service | None = None

    def sensors(self) -> Iterable[Any]:
        return [self._outside, *super().sensors()]

    def web_server(self) -> Iterable[Any]:
        return [self.http] if self.http is not None else []

    def tables(self) -> Iterable[Any]:
        ours: list[Any] = [self._watchdog]
        if self._context.app.owns_process:
            ours.append(Collector())
        return [*super().tables(), *ours]

    async def give_up(self) -> None:
        """After a stop that was not in time: close what this app opened, and end the process.

        Where somebody else opened the ports (a command), he closes them and ends it.
        """
        if self._outside.opens_ports:
            await self._outside.close_ports()
            end_process(UnavailableError.exit_code)
