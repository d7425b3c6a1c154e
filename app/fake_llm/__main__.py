"""`python -m app.fake_llm`: the fake model server as a process."""

from __future__ import annotations

import argparse
import asyncio
import sys

from app.fake_llm.server import FakeModelServer


async def _main() -> None:
    parser = argparse.ArgumentParser(description="A fake model server on loopback.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency", type=float, default=0.2, help="seconds for each answer")
    arguments = parser.parse_args()
    server = FakeModelServer(latency=arguments.latency)
    await server.start(arguments.port)
    sys.stdout.write(f"{server.url}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    try:
        asyncio.run(_main())
    except KeyboardInterrupt:
        sys.exit(0)
