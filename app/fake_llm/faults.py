"""Faults below HTTP: what a broken model server, proxy or network does to a connection."""

from __future__ import annotations

import asyncio
import socket
import struct
import zlib
from collections.abc import Awaitable, Callable
from functools import cache

from aiohttp import web

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
_START = b'{"model": "smol", "message": {"role": "assistant", "content": "'


async def _until_closed(transport: asyncio.Transport) -> None:
    while not transport.is_closing():
        await asyncio.sleep(0.02)


async def _hang(transport: asyncio.Transport) -> None:
    """Never send the first byte."""


async def _drip(transport: asyncio.Transport) -> None:
    """Send a promising beginning, then a byte now and then, for ever."""
    transport.write(HEAD + b"Content-Length: 100000\r\n\r\n" + _START)
    while not transport.is_closing():
        transport.write(b"x")
        await asyncio.sleep(0.05)


async def _no_reply(transport: asyncio.Transport) -> None:
    """Close without a byte."""
    transport.close()


async def _half_close(transport: asyncio.Transport) -> None:
    """End the sending direction in the middle of a chunked body."""
    transport.write(HEAD + b"Transfer-Encoding: chunked\r\n\r\n40\r\n" + _START)
    transport.write_eof()


async def _reset(transport: asyncio.Transport) -> None:
    """Answer with RST."""
    connection = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


async def _short_body(transport: asyncio.Transport) -> None:
    """Close before the promised Content-Length."""
    transport.write(HEAD + b"Content-Length: 5000\r\n\r\n" + _START)
    transport.close()


@cache
def bomb() -> bytes:
    """Return 100 MiB of JSON packed into 100 KiB (made once: it takes most of a second)."""
    packer = zlib.compressobj(level=9, wbits=zlib.MAX_WBITS | 16)
    blank = b" " * 1_048_576
    parts = [packer.compress(b"["), *(packer.compress(blank) for _ in range(100))]
    return b"".join([*parts, packer.compress(b"]"), packer.flush()])


async def _gzip_bomb(transport: asyncio.Transport) -> None:
    """Send 100 MiB packed into 100 KiB."""
    packed = await asyncio.to_thread(bomb)
    length = f"Content-Length: {len(packed)}\r\n\r\n".encode()
    transport.write(HEAD + b"Connection: close\r\nContent-Encoding: gzip\r\n" + length + packed)
    transport.close()  # a whole reply: the caller may use the connection again


async def _huge_body(transport: asyncio.Transport) -> None:
    """Promise 100 MiB and send them."""
    transport.write(HEAD + b"Content-Length: 104857600\r\n\r\n" + _START)
    await _pour(transport, b"x" * 65_536)


async def _huge_chunked(transport: asyncio.Transport) -> None:
    """Send 100 MiB without saying so."""
    transport.write(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    await _pour(transport, b"10000\r\n" + b"x" * 65_536 + b"\r\n")


async def _pour(transport: asyncio.Transport, piece: bytes) -> None:
    for _ in range(1_600):
        while transport.get_write_buffer_size() > 262_144 and not transport.is_closing():
            await asyncio.sleep(0.001)
        if transport.is_closing():
            return
        transport.write(piece)


async def _endless_header(transport: asyncio.Transport) -> None:
    """Send a header line of a megabyte."""
    transport.write(HEAD + b"X-Padding: " + b"x" * 1_048_576)
    await asyncio.sleep(0.05)
    transport.close()


async def _not_http(transport: asyncio.Transport) -> None:
    """Speak something else."""
    transport.write(b"SSH-2.0-OpenSSH_9.2p1\r\n\r\n")
    transport.close()


FAULTS: dict[str, Callable[[asyncio.Transport], Awaitable[None]]] = {
    "hang": _hang,
    "drip": _drip,
    "no_reply": _no_reply,
    "half_close": _half_close,
    "reset": _reset,
    "short_body": _short_body,
    "gzip_bomb": _gzip_bomb,
    "huge_body": _huge_body,
    "huge_chunked": _huge_chunked,
    "endless_header": _endless_header,
    "not_http": _not_http,
}


async def send_fault(request: web.Request, fault: str) -> web.StreamResponse:
    """Do a fault to the connection of `request`; what is returned never reaches the client."""
    transport = request.transport
    if transport is not None:
        await FAULTS[fault](transport)
        await _until_closed(transport)
    return web.Response(status=599)
