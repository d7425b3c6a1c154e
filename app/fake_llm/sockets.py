"""Ports to which a connection is refused, or never comes about."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager


def closed_port(host: str = "127.0.0.1", port: int = 0) -> list[socket.socket]:
    """Bind a port without listening: connections are refused and nobody else takes it.

    The sockets returned hold it until they are closed.
    """
    holder = _bound(host, port)
    return [holder]


def full_port(host: str = "127.0.0.1", port: int = 0) -> list[socket.socket]:
    """Listen on a port and never accept, its queue filled: connecting to it hangs.

    The sockets returned hold it until they are closed.
    """
    listener = _bound(host, port)
    listener.listen(0)
    held = [listener]
    for _ in range(4):
        filler = socket.socket(listener.family)
        filler.setblocking(False)
        filler.connect_ex(listener.getsockname())
        held.append(filler)
    return held


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind((host, port))
    return bound


@contextmanager
def unaccepting_port() -> Iterator[int]:
    """A loopback port whose connections are never accepted."""
    yield from _held(full_port())


@contextmanager
def free_port() -> Iterator[int]:
    """A loopback port on which nobody listens (bound, so that nobody takes it)."""
    yield from _held(closed_port())


def _held(sockets: list[socket.socket]) -> Iterator[int]:
    try:
        port: int = sockets[0].getsockname()[1]
        yield port
    finally:
        for each in sockets:
            each.close()
