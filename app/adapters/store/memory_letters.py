"""Dead letters and redrives in memory: a part of `MemoryStore`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from app.adapters.store.facts import clean_question, put_row
from app.adapters.store.text import clean_json, clean_optional, clean_text
from app.core.questions import StoredQuestion
from app.core.redrive import (
    Arrived,
    AsQuestion,
    Decision,
    Known,
    LetterFilter,
    LetterState,
    Mark,
    Origin,
    Refusal,
    Refused,
    decide,
    shown_state,
)
from app.ports.letters import DeadLetterRow, LetterCount, LetterPosition, LetterWish, RedriveRecord


class MemoryLetters:
    """Implements `DeadLetterStore` beside the questions of the store."""

    def __init__(self) -> None:
        self._questions: dict[str, StoredQuestion] = {}
        self._dead_letters: dict[Origin, DeadLetterRow] = {}
        self._deaths: dict[tuple[Any, ...], Origin] = {}
        self._redrives: dict[int, RedriveRecord] = {}

    def _bury(self, letter: DeadLetterRow) -> None:
        """Keep a letter: each origin once, and each death once."""
        kept = replace(
            letter,
            origin_topic=clean_text(letter.origin_topic),
            cause=clean_text(letter.cause),
            detail=clean_text(letter.detail),
            question_id=clean_optional(letter.question_id),
            size=None if letter.value is None else len(letter.value),
        )
        death = (kept.question_id, kept.turn, kept.cause)
        if kept.origin in self._dead_letters or death in self._deaths:
            return
        if kept.question_id is not None:
            self._deaths[death] = kept.origin
        self._dead_letters[kept.origin] = kept

    async def dead_letters(
        self,
        wanted: LetterFilter | None = None,
        *,
        after: LetterPosition | None = None,
        limit: int = 100,
        newest_first: bool = False,
        with_bytes: bool = True,
    ) -> list[DeadLetterRow]:
        found = sorted(
            (row for row in self._dead_letters.values() if fits(row, wanted)),
            key=lambda row: row.position,
            reverse=newest_first,
        )
        if after is not None:
            found = [
                row
                for row in found
                if (row.position < after if newest_first else row.position > after)
            ]
        page = found[:limit]
        return page if with_bytes else [replace(row, key=None, value=None) for row in page]

    async def dead_letters_by_origin(self, origins: Sequence[Origin]) -> list[DeadLetterRow]:
        known = dict.fromkeys(origin for origin in origins if origin in self._dead_letters)
        return [self._dead_letters[origin] for origin in known]

    async def dead_letter_counts(self, wanted: LetterFilter) -> list[LetterCount]:
        counts = Counter(
            (row.cause, row.origin_topic, shown_state(row.mark))
            for row in self._dead_letters.values()
            if fits(row, wanted)
        )
        return [LetterCount(*kind, count) for kind, count in sorted(counts.items())]

    async def purge_dead_letters(self, wanted: LetterFilter) -> int:
        going = [
            row
            for row in self._dead_letters.values()
            if fits(row, wanted) and shown_state(row.mark) != "redriving"
        ]
        for row in going:
            del self._dead_letters[row.origin]
            self._deaths.pop((row.question_id, row.turn, row.cause), None)
        return len(going)

    async def begin_redrive(self, record: RedriveRecord) -> int:
        redrive_id = len(self._redrives) + 1
        self._redrives[redrive_id] = replace(
            record,
            redrive_id=redrive_id,
            last_at=record.started_at,
            by_whom=clean_text(record.by_whom),
            filter=clean_json(record.filter),
            transform=clean_optional(record.transform),
        )
        return redrive_id

    async def claim_dead_letters(
        self, redrive_id: int, wishes: Sequence[LetterWish], now: float
    ) -> dict[Origin, Decision]:
        return {wish.origin: self._claim(redrive_id, wish, now) for wish in wishes}

    def _claim(self, redrive_id: int, wish: LetterWish, now: float) -> Decision:
        letter = self._dead_letters.get(wish.origin)
        if letter is None:
            return Refused(Refusal.NOT_FOUND)
        question = self._questions.get(letter.question_id or "")
        known = None if question is None else Known(question.status, question.turn)
        found = decide(letter.mark, letter.question_id, letter.turn, known, now)
        match found:
            case Arrived(round_):
                mark = Mark(redrive_id, now, now, round_)
            case Refused():
                return found
            case _ if found != wish.decision:
                return Refused(Refusal.CHANGED)
            case AsQuestion(round_):
                mark = Mark(redrive_id, now, None, round_)
            case _:
                mark = Mark(redrive_id, now)
        self._dead_letters[wish.origin] = replace(letter, mark=mark)
        if wish.question is not None and not isinstance(found, Arrived):
            row = clean_question(wish.question)
            self._questions[row.question_id] = put_row(self._questions.get(row.question_id), row)
        return found

    async def dead_letters_sent(
        self, redrive_id: int, origins: Sequence[Origin], now: float, *, refused: int, failed: int
    ) -> int:
        marked = 0
        for origin in dict.fromkeys(origins):
            letter = self._dead_letters.get(origin)
            if letter is None or letter.mark is None:
                continue
            if letter.mark.redrive_id == redrive_id and letter.mark.sent_at is None:
                self._dead_letters[origin] = replace(letter, mark=replace(letter.mark, sent_at=now))
                marked += 1
        record = self._redrives.get(redrive_id)
        if record is not None:
            self._redrives[redrive_id] = replace(
                record,
                last_at=now,
                sent=record.sent + marked,
                refused=record.refused + refused,
                failed=record.failed + failed,
            )
        return marked

    async def redrives(self, limit: int = 50, *, only: int | None = None) -> list[RedriveRecord]:
        found = [each for each in self._redrives.values() if only in (None, each.redrive_id)]
        return sorted(found, key=lambda each: each.redrive_id, reverse=True)[:limit]


def fits(row: DeadLetterRow, wanted: LetterFilter | None) -> bool:
    """Tell whether a letter is meant by a filter (None: every letter is)."""
    if wanted is None:
        return True
    sent = row.mark is not None and row.mark.sent_at is not None
    state_fits = wanted.state is LetterState.ALL or sent == (wanted.state is LetterState.REDRIVEN)
    return (
        state_fits
        and (not wanted.causes or row.cause in wanted.causes)
        and (wanted.topic is None or row.origin_topic == wanted.topic)
        and (wanted.since is None or row.dead_at >= wanted.since)
        and (wanted.until is None or row.dead_at < wanted.until)
        and row.attempts >= wanted.attempts_at_least
        and (wanted.question_id is None or row.question_id == wanted.question_id)
    )
