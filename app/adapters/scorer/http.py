"""BERTScore from another answerloop, over its `POST /score`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import aiohttp

from app.adapters.batching import Batcher
from app.core.gate import Score
from app.errors import ScoreFailure, ScorerUnavailable, SettingsError

SETTING = "ANSWERLOOP_SCORER"
_BODY_LIMIT = 4 * 1024 * 1024
_CONNECT_SECONDS = 5.0
#: Sum of the UTF-8 bytes of a request's texts: a server refuses bodies over 64 KiB.
_REQUEST_TEXT_BYTES = 48 * 1024
_SHORTENED_CHARACTERS = 6_000
#: The server takes the request for wrong: this pair will not get a score from it.
_REFUSED = (400, 413, 422)

Pair = tuple[str, str]


class HttpScorer:
    """The scorer of the answerloop at `base_url` (`http://host:8000`).

    Constructing connects nothing. `name` is the server's own word for its model once it has
    answered, and the address before. Pairs that arrive together go in one request; a call ends
    within `timeout_seconds`. Of a long text the beginning is sent.
    """

    def __init__(
        self,
        base_url: str,
        api_token: str = "",
        timeout_seconds: float = 60.0,
        *,
        max_batch: int = 32,
    ) -> None:
        if not base_url.startswith(("http://", "https://")):
            raise SettingsError(f"{SETTING}={base_url!r} is not http://host:port", name=SETTING)
        self._base_url = base_url.rstrip("/")
        self._api_token = api_token
        self._timeout = aiohttp.ClientTimeout(
            total=timeout_seconds, sock_connect=min(_CONNECT_SECONDS, timeout_seconds)
        )
        self._session: aiohttp.ClientSession | None = None
        self._name = self._base_url
        self._library = ""
        self._batcher = Batcher[Pair, Score](self._run_batch, max_size=max_batch)

    @property
    def name(self) -> str:
        """What the server calls its scorer, e.g. `minilm-l6:6`; its address before it answered."""
        return self._name

    @property
    def library(self) -> str:
        """What the server says of its figures' library; empty before it answered."""
        return self._library

    async def score(self, pairs: Sequence[Pair]) -> list[Score]:
        """Score pairs in order. Raises ScorerUnavailable, or ScoreFailure when one has no score."""
        waiting = [self._submit(pair) for pair in pairs]
        results = await asyncio.gather(*waiting, return_exceptions=True)
        scores: list[Score] = []
        for result in results:
            if isinstance(result, BaseException):
                raise result
            scores.append(result)
        return scores

    async def _submit(self, pair: Pair) -> Score:
        try:
            return await self._batcher.submit((_sendable(pair[0]), _sendable(pair[1])))
        except RuntimeError as error:
            raise ScorerUnavailable(f"the scorer at {self._base_url}: {error}") from None

    async def _run_batch(self, pairs: list[Pair]) -> list[Score | Exception]:
        results: list[Score | Exception] = []
        for part in _parts(pairs):
            results += await self._score_part(part)
        return results

    async def _score_part(self, pairs: list[Pair]) -> list[Score | Exception]:
        body = {"pairs": [{"candidate": cand, "reference": ref} for cand, ref in pairs]}
        status, document = await self._exchange("POST", "/score", body)
        if status in _REFUSED and len(pairs) > 1:  # a bad pair must not take its company along
            return [(await self._score_part([pair]))[0] for pair in pairs]
        if status in _REFUSED:
            return [ScoreFailure(f"the scorer at {self._base_url} refused a pair: HTTP {status}")]
        if status != 200:
            raise ScorerUnavailable(f"the scorer at {self._base_url} answered HTTP {status}")
        rows = document.get("scores") if isinstance(document, dict) else None
        if not isinstance(rows, list) or len(rows) != len(pairs):
            raise ScorerUnavailable(f"{self._base_url}/score does not answer with scores")
        name = document.get("scorer")
        if isinstance(name, str) and name:
            self._name = name[:200]
        library = document.get("library")
        if isinstance(library, str):
            self._library = library[:200]
        return [self._read(row) for row in rows]

    def _read(self, row: Any) -> Score | Exception:
        try:
            return Score(float(row["precision"]), float(row["recall"]), float(row["f1"]))
        except (ValueError, TypeError, KeyError, OverflowError):
            return ScoreFailure(f"the scorer at {self._base_url} gave no score for a pair")

    async def _exchange(
        self, method: str, path: str, body: dict[str, Any] | None = None
    ) -> tuple[int, Any]:
        """Return status and JSON (None when it is not JSON). Raises ScorerUnavailable."""
        headers = {"Content-Type": "application/json"}
        if self._api_token:
            headers["Authorization"] = f"Bearer {self._api_token}"
        data = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        try:
            async with self._open_session().request(
                method, self._base_url + path, data=data, headers=headers, allow_redirects=False
            ) as response:
                raw = await response.content.read(_BODY_LIMIT + 1)
                while not response.content.at_eof() and len(raw) <= _BODY_LIMIT:
                    raw += await response.content.read(_BODY_LIMIT + 1)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            reason = str(error) or type(error).__name__
            raise ScorerUnavailable(f"the scorer at {self._base_url}: {reason}") from None
        if len(raw) > _BODY_LIMIT:
            raise ScorerUnavailable(f"the scorer at {self._base_url} answers without end")
        try:
            return response.status, json.loads(raw)
        except (ValueError, RecursionError):
            return response.status, None

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(timeout=self._timeout)
        return self._session

    async def check(self) -> str:
        """Score one small pair: proves address, token and model. Raises ScorerUnavailable."""
        (score,) = await self._score_part([("ready", "ready")])
        if isinstance(score, Exception):
            raise ScorerUnavailable(str(score))
        return f"{self._name} at {self._base_url}"

    async def close(self) -> None:
        """Score what is waiting, and close all connections."""
        await self._batcher.close()
        if self._session is not None:
            await self._session.close()


def _sendable(text: str) -> str:
    return text[:_SHORTENED_CHARACTERS].encode("utf-8", "replace").decode()


def _parts(pairs: list[Pair]) -> list[list[Pair]]:
    """Split pairs into requests whose texts stay within the size that a server takes."""
    parts: list[list[Pair]] = []
    room = 0
    for pair in pairs:
        size = len(json.dumps(pair, ensure_ascii=False).encode())
        if size > room or not parts:
            parts.append([])
            room = _REQUEST_TEXT_BYTES
        parts[-1].append(pair)
        room -= size
    return parts
