"""Where load may go: to this machine, unless the user says otherwise.

A generator stresses whatever answers at an address: a mistyped host, or a name that has come to
mean production, would be loaded with made-up questions that cost money there, and stay.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Sequence
from ipaddress import ip_address
from urllib.parse import urlsplit

from app.errors import InputError, UnavailableError

_ADDRESS = re.compile(r"https?://[^\s/?#@]+/?", re.IGNORECASE)


def check_addresses(urls: Sequence[str]) -> list[str]:
    """Return the addresses without a slash at the end. Raises InputError for what is none."""
    for url in urls:
        if not _ADDRESS.fullmatch(url) or not _parts(url):
            raise InputError(f"--url: write http://host:port, not {url[:80]!r}", field="url")
    return [url.rstrip("/") for url in urls]


async def refuse_remote(urls: Sequence[str]) -> None:
    """Raise InputError for an address that is not this machine's (loopback)."""
    for url in urls:
        host = _parts(url)
        if host and not await _is_loopback(host):
            raise InputError(
                f"{url} is not this machine. Made-up questions would be asked, paid for and kept"
                " there: say --yes-remote when that is what you want",
                field="url",
            )


def _parts(url: str) -> str | None:
    """Return the host; None when host or port can't be read."""
    try:
        parts = urlsplit(url)
        return parts.hostname if parts.port != 0 else None
    except ValueError:
        return None


async def _is_loopback(host: str) -> bool:
    """Tell whether every address of a name is loopback. Raises UnavailableError for no name."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError as error:
        raise UnavailableError(f"the host {host[:80]} is not known: {error}") from None
    return bool(found) and all(ip_address(str(each[4][0])).is_loopback for each in found)
