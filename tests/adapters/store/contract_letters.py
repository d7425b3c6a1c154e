"""What every store keeps of dead letters and redrives."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from app.core.lifecycle import Status, Turn
from app.core.questions import StoredQuestion
from app.core.redrive import (
    LEASE_SECONDS,
    Arrived,
    AsBytes,
    AsQuestion,
    LetterFilter,
    LetterState,
    Mark,
    Origin,
    Refusal,
    Refused,
)
from app.ports.letters import LetterCount, LetterWish, RedriveRecord
from tests.adapters.store.contract_facts import FIRST, dead_letter, ending, stored

NOW = 1_800_000_000.0
ALL = LetterFilter(state=LetterState.ALL)
RECORD = RedriveRecord(
    NOW, "ada@host", {"cause": ["unauthorized"], "text": "ñ\x00"}, 7, "mend.py:f"
)


def origin(offset: int) -> Origin:
    return Origin("llm-requests", 3, offset)


def offsets(letters: Any) -> list[int]:
    return [letter.origin_offset for letter in letters]


def new_round(question_id: str, round_: int, **changes: Any) -> StoredQuestion:
    facts: dict[str, Any] = {
        "question_id": question_id,
        "status": Status.ACCEPTED,
        "question_text": "Why?",
        "original_answer": None,
        "model": "smol",
        "turn": Turn(round_, 1, 1),
        "accepted_at": NOW,
    }
    return StoredQuestion(**(facts | changes))


def wish(offset: int, question_id: str | None = "q", round_: int = 1, **changes: Any) -> LetterWish:
    if question_id is None:
        return LetterWish(origin(offset), AsBytes())
    row = new_round(question_id, round_, **changes)
    return LetterWish(origin(offset), AsQuestion(round_), row)


async def die(store: Any, question_id: str, offset: int, turn: Turn = FIRST) -> None:
    """Let a question die, with its letter."""
    await store.finish(
        [ending(question_id, turn, Status.DEAD, cause="unauthorized")],
        [dead_letter(offset, question_id=question_id, turn=turn, cause="unauthorized")],
    )


class LettersContract:
    async def test_a_dead_letter_is_kept_once_with_its_bytes(self, store: Any) -> None:
        letter = dead_letter(question_id="q", turn=Turn(1, 2, 3), attempts=4)
        await store.finish([], [letter, letter])
        await store.finish([ending()], [dead_letter(detail="again"), dead_letter(6, value=None)])
        found = await store.dead_letters()
        assert found == [letter, dead_letter(6, value=None)]
        assert [each.size for each in found] == [256, None]

    async def test_a_letter_keeps_its_trace_context_and_a_claim_that_of_the_new_round(
        self, store: Any
    ) -> None:
        died = dead_letter(1, question_id="q", turn=FIRST, trace_context="where it died")
        end = ending("q", FIRST, Status.DEAD, cause="unauthorized")
        await store.finish([end], [died, dead_letter(2)])
        found = await store.dead_letters_by_origin([origin(1)])
        assert [*found, *await store.dead_letters(with_bytes=False, limit=1)] == [
            died,
            replace(died, key=None, value=None),
        ]
        redrive_id = await store.begin_redrive(RECORD)
        again = wish(1, trace_context="where it goes on")
        await store.claim_dead_letters(redrive_id, [again], NOW)
        assert (await stored(store)).trace_context == "where it goes on"

    async def test_a_death_is_kept_once_from_whatever_message(self, store: Any) -> None:
        """A replay between publish and acknowledgement writes a failure twice."""
        first = dead_letter(1, question_id="q", turn=Turn(0, 1, 2), cause="unauthorized")
        again = dead_letter(2, question_id="q", turn=Turn(0, 1, 2), cause="unauthorized")
        others = [
            dead_letter(3, question_id="q", turn=Turn(0, 1, 2), cause="deadline"),
            dead_letter(4, question_id="q", turn=Turn(1, 1, 2), cause="unauthorized"),
            dead_letter(5, question_id="p", turn=Turn(0, 1, 2), cause="unauthorized"),
            dead_letter(6, cause="rejected"),
            dead_letter(7, cause="rejected"),
        ]
        await store.finish([], [first, again])
        await store.finish([], [again, *others])
        assert await store.dead_letters() == [first, *others]

    async def test_pages_go_both_ways_without_gap_or_repeat(self, store: Any) -> None:
        letters = [dead_letter(n, dead_at=float(n // 3)) for n in range(12)]
        await store.finish([], letters)
        for newest_first in (False, True):
            seen: list[Any] = []
            after = None
            while page := await store.dead_letters(after=after, limit=5, newest_first=newest_first):
                seen += page
                after = page[-1].position
            assert seen == (letters[::-1] if newest_first else letters)

    async def test_bytes_are_left_out_when_they_are_not_wanted(self, store: Any) -> None:
        await store.finish([], [dead_letter(1), dead_letter(2, value=None)])
        found = await store.dead_letters(with_bytes=False)
        assert [(each.key, each.value, each.size) for each in found] == [
            (None, None, 256),
            (None, None, None),
        ]

    async def test_each_part_of_a_filter_counts(self, store: Any) -> None:
        await store.finish(
            [],
            [
                dead_letter(1, cause="a", dead_at=10.0, attempts=1),
                dead_letter(2, cause="b", dead_at=20.0, attempts=2, question_id="ñ"),
                dead_letter(3, cause="c", dead_at=30.0, attempts=3),
            ],
        )

        async def found(**parts: Any) -> list[int]:
            return offsets(await store.dead_letters(LetterFilter(**parts)))

        assert await found() == [1, 2, 3]
        assert await found(causes=("a", "c")) == [1, 3]
        assert await found(topic="llm-requests") == [1, 2, 3]
        assert await found(topic="llm-request") == []
        assert await found(since=20.0) == [2, 3]
        assert await found(until=20.0) == [1]
        assert await found(attempts_at_least=2) == [2, 3]
        assert await found(question_id="ñ") == [2]
        assert await found(question_id="ñ", causes=("a",)) == []
        assert await found(state=LetterState.REDRIVEN) == []
        assert await found(causes=("\x00' OR true --",)) == []

    async def test_letters_are_found_by_origin(self, store: Any) -> None:
        await store.finish([], [dead_letter(1), dead_letter(2)])
        found = await store.dead_letters_by_origin([origin(2), origin(9), origin(2)])
        assert found == [dead_letter(2)]
        assert await store.dead_letters_by_origin([]) == []

    async def test_counts_are_by_cause_topic_and_state(self, store: Any) -> None:
        await die(store, "q", 1)
        await die(store, "p", 2)
        await store.finish([], [dead_letter(3, cause="Ärger"), dead_letter(4, cause="B")])
        await store.claim_dead_letters(1, [wish(2, "p")], NOW)
        assert await store.dead_letter_counts(ALL) == [
            LetterCount("B", "llm-requests", "open", 1),
            LetterCount("unauthorized", "llm-requests", "open", 1),
            LetterCount("unauthorized", "llm-requests", "redriving", 1),
            LetterCount("Ärger", "llm-requests", "open", 1),
        ]

    async def test_a_purge_removes_what_fits_and_spares_what_is_in_hand(self, store: Any) -> None:
        for offset, question_id in enumerate("abc"):
            await die(store, question_id, offset)
        await store.claim_dead_letters(1, [wish(0, "a"), wish(1, "b")], NOW)
        await store.dead_letters_sent(1, [origin(0)], NOW, refused=0, failed=0)
        assert await store.purge_dead_letters(LetterFilter(state=LetterState.REDRIVEN)) == 1
        assert await store.purge_dead_letters(ALL) == 1
        assert offsets(await store.dead_letters()) == [1]

    async def test_a_claim_begins_the_new_round(self, store: Any) -> None:
        await die(store, "q", 1)
        redrive_id = await store.begin_redrive(RECORD)
        claimed = await store.claim_dead_letters(
            redrive_id, [wish(1, question_text="Why?\x00")], NOW
        )
        assert claimed == {origin(1): AsQuestion(1)}
        question = await stored(store)
        assert (question.status, question.turn) == (Status.ACCEPTED, Turn(1, 1, 1))
        assert (question.question_text, question.accepted_at) == ("Why?\ufffd", NOW)
        [letter] = await store.dead_letters()
        assert letter.mark == Mark(redrive_id, NOW, None, 1)

    async def test_what_is_in_hand_or_sent_is_refused(self, store: Any) -> None:
        await die(store, "q", 1)
        await store.finish([], [dead_letter(2)])
        both = [wish(1), wish(2, None)]
        assert set((await store.claim_dead_letters(1, both, NOW)).values()) == {
            AsQuestion(1),
            AsBytes(),
        }
        again = await store.claim_dead_letters(2, both, NOW + LEASE_SECONDS - 1)
        assert set(again.values()) == {Refused(Refusal.IN_HAND)}
        sent = await store.dead_letters_sent(
            1, [origin(1), origin(2)], NOW + 1, refused=0, failed=0
        )
        assert sent == 2
        again = await store.claim_dead_letters(2, both, NOW + 10 * LEASE_SECONDS)
        assert set(again.values()) == {Refused(Refusal.REDRIVEN)}
        assert offsets(await store.dead_letters(LetterFilter())) == []
        assert len(await store.dead_letters(LetterFilter(state=LetterState.REDRIVEN))) == 2

    async def test_a_dead_redrives_letter_is_claimed_again_in_the_same_round(
        self, store: Any
    ) -> None:
        await die(store, "q", 1)
        await store.claim_dead_letters(1, [wish(1)], NOW)
        later = NOW + LEASE_SECONDS
        assert await store.claim_dead_letters(2, [wish(1)], later) == {origin(1): AsQuestion(1)}
        assert (await stored(store)).turn == Turn(1, 1, 1)
        assert await store.dead_letters_sent(1, [origin(1)], later, refused=0, failed=0) == 0

    async def test_a_letter_that_had_arrived_is_marked_and_not_sent(self, store: Any) -> None:
        await die(store, "q", 1)
        await store.claim_dead_letters(1, [wish(1)], NOW)
        await store.finish([ending("q", Turn(1, 1, 1))])
        later = NOW + LEASE_SECONDS
        assert await store.claim_dead_letters(2, [wish(1)], later) == {origin(1): Arrived(1)}
        assert (await stored(store)).status is Status.VALIDATED
        [letter] = await store.dead_letters()
        assert letter.mark == Mark(2, later, later, 1)

    async def test_two_letters_of_one_question_make_one_new_round(self, store: Any) -> None:
        await die(store, "q", 1)
        second = dead_letter(2, question_id="q", turn=Turn(0, 1, 1), cause="deadline")
        await store.finish([], [second])
        claimed = await store.claim_dead_letters(1, [wish(1), wish(2)], NOW)
        assert claimed == {origin(1): AsQuestion(1), origin(2): Refused(Refusal.NEWER_ROUND)}

    async def test_what_changed_meanwhile_is_not_claimed(self, store: Any) -> None:
        await die(store, "q", 1)
        await die(store, "q", 2, Turn(1, 1, 1))
        claimed = await store.claim_dead_letters(1, [wish(1), wish(2), wish(9)], NOW)
        assert claimed == {
            origin(1): Refused(Refusal.NEWER_ROUND),
            origin(2): Refused(Refusal.CHANGED),
            origin(9): Refused(Refusal.NOT_FOUND),
        }
        assert (await stored(store)).status is Status.DEAD

    async def test_of_many_claims_at_once_one_has_each_letter(self, store: Any) -> None:
        for offset in range(20):
            await die(store, f"q{offset}", offset)
        wishes = [wish(offset, f"q{offset}") for offset in range(20)]
        answers = await asyncio.gather(
            *(store.claim_dead_letters(n, wishes, NOW) for n in range(1, 6))
        )
        granted = [
            origin for answer in answers for origin, d in answer.items() if d == AsQuestion(1)
        ]
        assert sorted(granted) == [origin(n) for n in range(20)]

    async def test_a_redrive_is_recorded_and_its_figures_add_up(self, store: Any) -> None:
        await die(store, "q", 1)
        first, second = await store.begin_redrive(RECORD), await store.begin_redrive(RECORD)
        await store.claim_dead_letters(first, [wish(1)], NOW)
        await store.dead_letters_sent(first, [origin(1)], NOW + 2, refused=3, failed=1)
        await store.dead_letters_sent(first, [origin(1)], NOW + 4, refused=1, failed=0)
        newest, oldest = await store.redrives()
        assert (newest.redrive_id, newest.sent) == (second, 0)
        assert (oldest.redrive_id, oldest.sent, oldest.refused, oldest.failed) == (first, 1, 4, 1)
        assert (oldest.started_at, oldest.last_at, oldest.planned) == (NOW, NOW + 4, 7)
        assert (oldest.by_whom, oldest.transform) == ("ada@host", "mend.py:f")
        assert oldest.filter == {"cause": ["unauthorized"], "text": "ñ\ufffd"}
        assert [each.redrive_id for each in await store.redrives(limit=1)] == [second]
        assert [each.redrive_id for each in await store.redrives(only=first)] == [first]
        assert await store.redrives(only=second + 1) == []
