"""BERTScore from another answerloop, over its `POST /score`."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import aiohttp

from app.adapters.batching import Batcher
from app.adapters.scorer.request_size import RequestSize
from app.core.gate import Score
from app.errors import ScoreFailure, ScorerUnavailable, SettingsError

SETTING = "ANSWERLOOP_SCORER"
_BODY_LIMIT = 4 * 1024 * 1024
_CONNECT_SECONDS = 5.0
_CLOSE_SECONDS = 5.0
#: Sum of the UTF-8 bytes of a request's texts: a server refuses bodies over 64 KiB.
_REQUEST_TEXT_BYTES = 48 * 1024
_SHORTENED_CHARACTERS = 6_000
#: The server takes the request for wrong: this pair will not get a score from it.
_REFUSED = (400, 413, 422)
#: Requests on the way at a time: while the server scores one, it has the next.
_AT_ONCE = 2
_LONGEST_PAUSE_SECONDS = 30.0
#: Clients that were refused together come back one after the other.
_SPREAD = 0.25
#: Two of them, a pause before each, are less than the stage lets a score take (`agents/waits.py`):
#: a pair waits for one request, and goes with the next.
_REQUEST_SECONDS = 100.0
#: No figure is above 1, but for rounding.
_HIGHEST = 1.001

Pair = tuple[str, str]


class _TooSlow(ScorerUnavailable):
    """The server took the request, and did not answer in time."""


class HttpScorer:
    """The scorer of the answerloop at `base_url` (`http://host:8000`).

    Constructing connects nothing. `name` is the server's own word for its model once it has
    answered, and the address before. Pairs that arrive together go in one request, as many as the
    server answers in time (`RequestSize`) and at most `max_batch`; two requests are on the way at a
    time, and each ends within `timeout_seconds`. After a 503 with `Retry-After` nothing is asked
    for that long: calls wait, and that is no part of their time. Of a long text the beginning is
    sent.
    """

    def __init__(
        self,
        base_url: str,
        api_token: str = "",
        timeout_seconds: float = _REQUEST_SECONDS,
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
        self._not_before = -1.0
        self._closing = asyncio.Event()
        self._size = RequestSize(max_batch, timeout_seconds)
        self._batcher = Batcher[Pair, Score](self._run_batch, max_size=max_batch, at_once=_AT_ONCE)

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
            score = await self._batcher.submit((_sendable(pair[0]), _sendable(pair[1])))
        except RuntimeError as error:
            raise ScorerUnavailable(f"the scorer at {self._base_url}: {error}") from None
        shortened = any(len(text) > _SHORTENED_CHARACTERS for text in pair)
        return replace(score, cut=True) if shortened else score

    async def _run_batch(self, pairs: list[Pair]) -> list[Score | Exception]:
        """Score pairs request by request; when one fails, what was scored before it is kept."""
        results: list[Score | Exception] = []
        while left := pairs[len(results) :]:
            try:
                results += await self._score_part(_beginning(left, self._size.pairs))
            except ScorerUnavailable as error:
                return results + [error] * len(left)
        return results

    async def _score_part(self, pairs: list[Pair]) -> list[Score | Exception]:
        status, document = await self._ask(pairs)
        if status in _REFUSED and len(pairs) > 1:  # a bad pair must not take its company along
            return [(await self._score_part([pair]))[0] for pair in pairs]
        if status in _REFUSED:
            return [ScoreFailure(f"the scorer at {self._base_url} refused a pair: HTTP {status}")]
        if status != 200:
            raise ScorerUnavailable(
                f"the scorer at {self._base_url} answered HTTP {status}{_told(document)}"
            )
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

    async def _ask(self, pairs: list[Pair]) -> tuple[int, Any]:
        """Send a request once the server wants one, and learn from its time. See `_exchange`."""
        body = {"pairs": [{"candidate": cand, "reference": ref} for cand, ref in pairs]}
        await self._until_welcome()
        began = time.monotonic()
        try:
            status, document = await self._exchange("POST", "/score", body)
        except _TooSlow:
            self._size.ran_out(len(pairs))
            raise
        if status == 200:
            self._size.answered(len(pairs), time.monotonic() - began)
        return status, document

    async def _until_welcome(self) -> None:
        """Wait for as long as the server asked for, when it was busy. Raises ScorerUnavailable."""
        while (left := self._not_before - time.monotonic()) > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), left)
                raise ScorerUnavailable(f"the scorer at {self._base_url}: it was closed")

    def _note_busy(self, retry_after: str | None) -> None:
        """Ask nothing for the seconds that a busy server named (a date is not looked at)."""
        text = (retry_after or "").strip()
        if text.isascii() and text.isdigit() and len(text) < 10:
            seconds = min(max(1.0, float(text)), _LONGEST_PAUSE_SECONDS)
            pause = seconds * (1 + _SPREAD * random.random())
            self._not_before = max(self._not_before, time.monotonic() + pause)

    def _read(self, row: Any) -> Score | Exception:
        try:
            figures = (_figure(row[name]) for name in ("precision", "recall", "f1"))
            return Score(*figures, cut=row.get("cut") is True)
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
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
            unreached = isinstance(error, aiohttp.ConnectionTimeoutError)
            late = isinstance(error, TimeoutError) and not unreached
            kind = _TooSlow if late else ScorerUnavailable
            raise kind(f"the scorer at {self._base_url}: {reason}") from None
        if len(raw) > _BODY_LIMIT:
            raise ScorerUnavailable(f"the scorer at {self._base_url} answers without end")
        if response.status == 503:
            self._note_busy(response.headers.get("Retry-After"))
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
        left = self._not_before - time.monotonic()
        if left > 0:
            raise ScorerUnavailable(
                f"the scorer at {self._base_url} is busy and asked to come back in {left:.0f} s"
            )
        (score,) = await self._score_part([("ready", "ready")])
        if isinstance(score, Exception):
            raise ScorerUnavailable(str(score))
        return f"{self._name} at {self._base_url}"

    async def close(self) -> None:
        """Score what is waiting, unless that takes long, and close all connections."""
        self._closing.set()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._batcher.close(), _CLOSE_SECONDS)
        if self._session is not None:
            await self._session.close()


def _told(document: Any) -> str:
    """Return what an error's body says, where it is ours."""
    error = document.get("error") if isinstance(document, dict) else None
    message = error.get("message") if isinstance(error, dict) else None
    return f": {message[:300]}" if isinstance(message, str) else ""


def _sendable(text: str) -> str:
    return text[:_SHORTENED_CHARACTERS].encode("utf-8", "replace").decode()


def _beginning(pairs: list[Pair], most: int) -> list[Pair]:
    """Return the first pairs, at most so many, whose texts stay within the size of a request."""
    room = _REQUEST_TEXT_BYTES
    for count, pair in enumerate(pairs[:most]):
        room -= len(json.dumps(pair, ensure_ascii=False).encode())
        if room < 0 and count:
            return pairs[:count]
    return pairs[:most]


def _figure(value: Any) -> float:
    """Return a figure of a score. Raises TypeError, ValueError for what is none.

    Percentages, say, would pass every gate.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{value!r:.40} is no number")
    if value > _HIGHEST:
        raise ValueError(f"{value} is above 1")
    return float(value)
