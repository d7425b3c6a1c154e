"""What people look at, in memory: a part of `MemoryStore`."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from math import inf
from typing import Any

from app.adapters.store.cursor import Position, decode_cursor, encode_cursor, page_size
from app.adapters.store.text import clean_text
from app.core.lifecycle import Status
from app.core.questions import CallKey, StoredQuestion
from app.ports.views import LOOK_AT, FoundPage, InProgress, LedgerDetail, WaitGroup, WaitPage


class MemoryViews:
    """Implements `ViewStore` on the questions and calls of the store."""

    _questions: dict[str, StoredQuestion]
    _calls: Any

    async def in_progress(self) -> InProgress:
        rows = [row for row in self._questions.values() if not row.status.final]
        due: dict[str, list[float]] = {}
        for row, at in self._waiting(None):
            due.setdefault(row.cause or "", []).append(at)
        return InProgress(
            counts=dict(Counter(row.status for row in rows)),
            oldest_at=min((row.accepted_at for row in rows), default=None),
            waits=tuple(WaitGroup(c, len(times), min(times)) for c, times in sorted(due.items())),
        )

    async def due_counts(self, edges: Sequence[float], cause: str | None = None) -> list[int]:
        found = Counter(bisect_right(edges, at) for _, at in self._waiting(cause))
        return [found[bucket] for bucket in range(len(edges) + 1)]

    async def waits(
        self, *, cause: str | None = None, limit: int = 50, cursor: str | None = None
    ) -> WaitPage:
        size = page_size(limit)
        after = Position(-inf, "") if cursor is None else decode_cursor(cursor)
        rows = sorted((Position(at, row.question_id), row) for row, at in self._waiting(cause))
        rest = [(position, row) for position, row in rows if position > after]
        page = tuple(row for _, row in rest[:size])
        return WaitPage(page, encode_cursor(rest[size - 1][0]) if len(rest) > size else None)

    async def search(
        self,
        text: str,
        *,
        status: Status | None = None,
        limit: int = 50,
        cursor: str | None = None,
        look_at: int = LOOK_AT,
    ) -> FoundPage:
        size = page_size(limit)
        below = Position(inf, "") if cursor is None else decode_cursor(cursor)
        rows = sorted(
            (row for row in self._questions.values() if status in (None, row.status)),
            key=_position,
            reverse=True,
        )
        rows = [row for row in rows if _position(row) < below]
        found = [row for row in rows[:look_at] if _holds(row, clean_text(text))]
        if len(found) > size:
            end = _position(found[size - 1])
        elif len(rows) >= look_at:
            end = _position(rows[look_at - 1])
        else:
            return FoundPage(tuple(found), None, None)
        return FoundPage(tuple(found[:size]), encode_cursor(end), end.accepted_at)

    async def ledger_details(self, question_id: str) -> list[LedgerDetail]:
        mine = sorted(key for key in self._calls if key.question_id == clean_text(question_id))
        return [_detail(key, self._calls[key]) for key in mine]

    def _waiting(self, cause: str | None) -> Iterator[tuple[StoredQuestion, float]]:
        for row in self._questions.values():
            waits = row.status is Status.WAITING and cause in (None, row.cause)
            if waits and row.due_at is not None:
                yield row, row.due_at


def _position(row: StoredQuestion) -> Position:
    return Position(row.accepted_at, row.question_id)


def _holds(row: StoredQuestion, text: str) -> bool:
    texts = [each for each in (row.question_text, row.original_answer, row.answer) if each]
    return row.question_id.startswith(text) or any(
        text in each or text.lower() in each.lower() for each in texts
    )


def _detail(key: CallKey, call: Any) -> LedgerDetail:
    failure, answer = call.failure, call.answer
    return LedgerDetail(
        key.turn,
        failure.detail if failure else None,
        failure.status if failure else None,
        failure.retry_after_seconds if failure else None,
        answer.finish_reason if answer else None,
    )
