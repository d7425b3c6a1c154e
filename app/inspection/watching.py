"""What a running worker says of itself, look by look: states, rates, waits, model, lag."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import aiohttp

from app.errors import UnavailableError
from app.inspection.groups import group_rows
from app.inspection.reader import TopicReader

#: Counters of `GET /metrics` whose growth is shown, each a second.
RATES = {
    "ended": "total_responses",
    "calls": "model_calls",
    "retries": "retries_scheduled",
    "ratings": "ratings_valid",
}


class Watcher:
    """Asks one worker over HTTP, and the broker for the lag of its groups (None: not asked)."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        url: str,
        reader: TopicReader | None,
        groups: list[str],
    ) -> None:
        self._session, self._url = session, url
        self._reader, self._groups = reader, groups
        self._before: tuple[float, Mapping[str, Any]] | None = None

    async def look(self) -> dict[str, Any]:
        """Return how things stand. Raises UnavailableError when the worker does not answer.

        `per_second` is None at the first look, `lag` where the broker does not tell it.
        """
        overview = await self._get("/ui/api/overview")
        metrics = await self._get("/metrics")
        now = time.monotonic()
        rates = None
        if self._before is not None:
            at, before = self._before
            rates = rates_between(before, metrics, now - at)
        self._before = (now, metrics)
        return {**overview, "url": self._url, "per_second": rates, "lag": await self._lag()}

    async def _lag(self) -> dict[str, int] | None:
        if self._reader is None:
            return None
        try:
            found = {}
            for name in self._groups:
                state = await self._reader.group(name)
                rows = await group_rows(self._reader, state)
                if rows:
                    found[name] = sum(row.lag or 0 for row in rows)
        except UnavailableError:
            return None
        return found

    async def _get(self, path: str) -> dict[str, Any]:
        try:
            async with self._session.get(
                path, headers={"Accept": "application/json"}, allow_redirects=False
            ) as response:
                found = await response.json()
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            reason = str(error) or "no answer in time"
            raise UnavailableError(
                f"the worker at {self._url} does not answer: {reason}"
            ) from error
        if response.status != 200 or not isinstance(found, dict):
            raise UnavailableError(f"the worker at {self._url} has no {path} ({response.status})")
        return found


def rates_between(
    before: Mapping[str, Any], after: Mapping[str, Any], seconds: float
) -> dict[str, float]:
    """Return how fast counters grew, each a second; a worker that began anew counts from 0."""
    found = {}
    for name, counter in RATES.items():
        grown = float(after.get(counter, 0)) - float(before.get(counter, 0))
        if grown < 0:
            grown = float(after.get(counter, 0))
        found[name] = round(grown / max(seconds, 1e-6), 2)
    return found
