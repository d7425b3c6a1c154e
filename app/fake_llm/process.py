"""The fake model server as a process: prints its URL, serves until a signal, prints totals."""

from __future__ import annotations

import asyncio
import ipaddress
import signal
import sys

from app.errors import UnavailableError
from app.fake_llm.control import statistics
from app.fake_llm.server import FakeModelServer


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


async def serve(
    server: FakeModelServer, host: str, port: int, control_port: int | None = None
) -> None:
    """Serve until SIGTERM or SIGINT. Raises UnavailableError: the port or the file can't be had."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        await server.start(port, host, control_port)
    except OSError as error:
        await server.stop()
        raise UnavailableError(f"the fake model server can't start: {error}") from None
    sys.stdout.write(f"{server.url}\n")
    if control_port is not None:
        sys.stdout.write(f"{server.control_url}\n")
    sys.stdout.flush()
    try:
        await stop.wait()
    finally:
        await server.stop()
    sys.stderr.write(totals(server))


def totals(server: FakeModelServer) -> str:
    """Return a few lines on what was asked and how it ended."""
    figures = statistics(server)
    lines = [
        f"{figures['calls']} calls of {figures['questions']} questions"
        f" ({figures['repeated']} repeated) in {figures['uptime_seconds']:.1f} s,"
        f" {figures['most_in_flight']} at a time at most"
    ]
    for name in ("outcomes", "statuses", "modes"):
        if figures[name]:
            counts = sorted(figures[name].items(), key=lambda item: (-item[1], item[0]))
            lines.append(f"{name}: " + ", ".join(f"{key} {count}" for key, count in counts))
    return "\n".join(lines) + "\n"
