"""Where the commands read the ratings: the engine that runs, else the database of the settings."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Protocol

import aiohttp

from app.data_dir.engine_file import running_engine
from app.errors import InputError, UnavailableError
from app.ports.ratings import RatingPorts
from app.settings import Settings

#: What a worker without the ratings pipeline answers to their routes.
NOT_HERE = "not_in_this_worker"
_TIMEOUT = aiohttp.ClientTimeout(total=30, sock_connect=5)


class RatingDesk(Protocol):
    """What the commands ask, as the API shows it."""

    async def stats(self, windows: int) -> dict[str, Any]:
        """Return the counts, `window_seconds` and the newest `windows`."""
        ...

    async def recommend(self, user_id: int, n: int) -> dict[str, Any]:
        """Return a user's best `n` movies, or popular ones."""
        ...


class HttpDesk:
    """Asks an engine by its HTTP API."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url

    async def stats(self, windows: int) -> dict[str, Any]:
        shown = await self._get("/ratings/stats")
        return shown | await self._get("/ratings/windows", limit=str(windows))

    async def recommend(self, user_id: int, n: int) -> dict[str, Any]:
        return await self._get(f"/recommendations/{user_id}", n=str(n))

    async def has_ratings(self) -> bool:
        """Tell whether the engine runs the ratings pipeline. Raises UnavailableError."""
        status, reply = await self._ask("/ratings/windows", {"limit": "1"})
        return not (status == 404 and reply["error"]["code"] == NOT_HERE)

    async def _get(self, path: str, **parameters: str) -> dict[str, Any]:
        status, reply = await self._ask(path, parameters)
        if status == 200:
            return reply
        error = reply["error"]
        if status == 422:
            raise InputError(error["message"], field=error.get("field"))
        raise UnavailableError(f"the engine can't say it now: {error['message']}")

    async def _ask(self, path: str, parameters: dict[str, str]) -> tuple[int, dict[str, Any]]:
        try:
            async with self._session.get(
                path, params=parameters, allow_redirects=False
            ) as response:
                return response.status, dict(await response.json())
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            reason = str(error) or "no answer in time"
            raise UnavailableError(
                f"the engine at {self._url} does not answer: {reason}"
            ) from error


class StoredDesk:
    """Reads the database."""

    def __init__(self, ports: RatingPorts) -> None:
        self._ports = ports

    async def stats(self, windows: int) -> dict[str, Any]:
        from app.core.ratings.shown import stats_json, windows_json

        found = await self._ports.store.stats()
        return stats_json(found) | windows_json(found, windows)

    async def recommend(self, user_id: int, n: int) -> dict[str, Any]:
        from app.web.ratings import recommend

        return await recommend(self._ports, user_id, n)


@asynccontextmanager
async def open_desk(settings: Settings) -> AsyncIterator[RatingDesk]:
    """Give the desk of the engine that runs the ratings here, else one of the database.

    Raises UnavailableError.
    """
    async with ratings_engine(settings) as engine:
        if engine is not None:
            yield engine
            return
    from app.adapters.clock import SystemClock
    from app.opening import open_recommender
    from app.opening.beside import reading_ratings

    async with reading_ratings(settings) as store:
        yield StoredDesk(RatingPorts(store, open_recommender(settings), SystemClock()))


@asynccontextmanager
async def ratings_engine(settings: Settings) -> AsyncIterator[HttpDesk | None]:
    """Give the engine of this DATA_DIR if one runs, and runs the ratings."""
    url = running_engine(settings) if settings.one_engine else None
    if url is None:
        yield None
        return
    async with aiohttp.ClientSession(url, timeout=_TIMEOUT) as session:
        desk = HttpDesk(session, url)
        yield desk if await desk.has_ratings() else None
