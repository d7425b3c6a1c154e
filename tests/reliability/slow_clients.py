"""Clients that take their time: python -m tests.reliability.slow_clients PORT HEADS BODIES SECONDS

Holds connections that drip a head or a body, a byte now and then. Prints `open` when all are open,
and at the end, as JSON, how many the server ended, and after how many seconds at most.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

PAUSE_SECONDS = 0.5
HEAD = b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "
BODY = (
    b"POST /query HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    b"Content-Length: 60000\r\n\r\n{"
)


async def drip(port: int, start: bytes, opened: asyncio.Semaphore, end: float) -> float | None:
    """Return after how many seconds the server ended the connection, None if it did not."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    began = time.monotonic()
    writer.write(start)
    opened.release()
    ended = asyncio.ensure_future(reader.read())
    try:
        while time.monotonic() < end and not ended.done():
            writer.write(b"a")
            await asyncio.wait({ended}, timeout=PAUSE_SECONDS)
    except ConnectionError:
        return time.monotonic() - began
    finally:
        ended.cancel()
        writer.close()
    return time.monotonic() - began if ended.done() else None


async def main(port: int, heads: int, bodies: int, seconds: float) -> None:
    opened, end = asyncio.Semaphore(0), time.monotonic() + seconds
    starts = [HEAD] * heads + [BODY] * bodies
    tasks = [asyncio.create_task(drip(port, start, opened, end)) for start in starts]
    for _ in tasks:
        await opened.acquire()
    sys.stdout.write("open\n")
    sys.stdout.flush()
    lasted = await asyncio.gather(*tasks)
    sys.stdout.write(json.dumps({"heads": told(lasted[:heads]), "bodies": told(lasted[heads:])}))


def told(lasted: list[float | None]) -> dict[str, float]:
    ended = [each for each in lasted if each is not None]
    return {"ended": len(ended), "longest": max(ended, default=0.0)}


if __name__ == "__main__":
    port, heads, bodies, seconds = sys.argv[1:]
    asyncio.run(main(int(port), int(heads), int(bodies), float(seconds)))
