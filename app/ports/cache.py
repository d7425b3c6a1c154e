"""The port of the answer cache."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol


class AnswerCache(Protocol):
    """Final questions by id, as UTF-8 JSON. May forget; raises CacheUnavailable, quickly."""

    async def get(self, question_id: str) -> bytes | None: ...

    async def put(self, entries: Mapping[str, bytes]) -> None:
        """Keep entries (question id -> JSON)."""
        ...

    async def forget(self, question_ids: Sequence[str]) -> None: ...

    async def check(self) -> str: ...

    async def close(self) -> None: ...
