"""The pace of fetching: aiokafka asks for more the moment it has something.

A request names every partition that is assigned and an answer tells of every one, so each costs
milliseconds of Python, whether it brings one record or a hundred.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from typing import Any

PAUSE_SECONDS = 0.005
"""From one fetch of a broker to the next, at least. One that waited longer is followed at once."""


def keep_pace(fetcher: Any) -> None:
    """Let an aiokafka `Fetcher` begin its requests to one broker no closer than `PAUSE_SECONDS`."""
    fetch: Callable[[Any, int, Any], Awaitable[bool]] = fetcher._proc_fetch_request
    clock = asyncio.get_running_loop().time
    began: dict[int, float] = {}

    async def fetch_in_time(assignment: Any, node_id: int, request: Any) -> bool:
        early = began.get(node_id, -math.inf) + PAUSE_SECONDS - clock()
        try:
            if early > 0:
                await asyncio.sleep(early)
            began[node_id] = clock()
            return await fetch(assignment, node_id, request)
        except asyncio.CancelledError:
            # The assignment has changed, or the fetcher is closed: it awaits what it cancels, and
            # would not get over what its own method raises while it waits after an error.
            return False

    fetcher._proc_fetch_request = fetch_in_time
