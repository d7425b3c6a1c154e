"""The server's own port: open, closed (`refused`), or open to nobody (`connect_hang`)."""

from __future__ import annotations

import socket

from aiohttp import web

from app.fake_llm.sockets import closed_port, full_port

_BACKLOG = 1024


class Door:
    """Opens and closes the port of a runner. Its number stays the same once it is open."""

    def __init__(self, runner: web.AppRunner, host: str) -> None:
        self.port = 0
        self.fault: str | None = None
        self._host = host
        self._runner = runner
        self._site: web.TCPSite | None = None
        self._held: list[socket.socket] = []

    async def open(self, port: int) -> None:
        """Listen; `port` 0 takes a free one. Raises OSError."""
        site = web.TCPSite(self._runner, self._host, port, backlog=_BACKLOG, reuse_address=True)
        await site.start()
        self._site, self.port = site, site.port

    async def set(self, fault: str | None) -> None:
        """Make the port fail in this way, or (None) open it again. Open connections break.

        Raises OSError: somebody else has the port; the same call may be tried again.
        """
        if fault == self.fault:
            return
        before, self.fault = self.fault, fault
        await self._shut()
        try:
            if fault is None:
                await self.open(self.port)
            else:
                hold = closed_port if fault == "refused" else full_port
                self._held = hold(self._host, self.port)
        except OSError:
            self.fault = before
            raise

    async def _shut(self) -> None:
        for each in self._held:
            each.close()
        self._held = []
        if self._site is not None:
            await self._site.stop()
            self._site = None
        server = self._runner.server
        for handler in server.connections if server is not None else ():
            if handler.transport is not None:
                handler.transport.abort()

    def release(self) -> None:
        """Let go of a port that fails; an open one is the runner's."""
        for each in self._held:
            each.close()
        self._held = []
