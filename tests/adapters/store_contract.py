"""What every store keeps, whatever it is made of. Inherit, and give the fixture `store`."""

from __future__ import annotations

import asyncio
import itertools
import time
from typing import Any

import pytest

from app.core.gate import Score
from app.core.lifecycle import Status, Turn, supersedes
from app.core.questions import CallKey, StoredQuestion
from app.errors import InputError
from app.ports import (
    Accepted,
    AnswerStore,
    Busy,
    CallAnswer,
    CallFailure,
    Claim,
    Claimed,
    ClaimRequest,
    DeadLetterRow,
    Ending,
    StoredVerdict,
    Waiting,
)

FIRST = Turn(0, 1, 1)
SCORE = Score(0.81, 0.79, 0.8)
VERDICT = StoredVerdict(Status.VALIDATED, SCORE, 0.75, "f1", "minilm-l6:6", "f1 0.800 >= 0.750")


def accepted(question_id: str = "q", turn: Turn = FIRST, **changes: Any) -> Accepted:
    facts: dict[str, Any] = {
        "question_text": "¿Cuál es la capital de Chile?",
        "original_answer": "Santiago",
        "model": "smol",
        "accepted_at": 1_700_000_000.125,
        "metadata": {"row": 7},
    }
    return Accepted(question_id=question_id, turn=turn, **(facts | changes))


def ending(
    question_id: str = "q", turn: Turn = FIRST, status: Status = Status.VALIDATED, **changes: Any
) -> Ending:
    facts: dict[str, Any] = {
        "question_text": "¿Cuál es la capital de Chile?",
        "original_answer": "Santiago",
        "model": "smol",
        "accepted_at": 1_700_000_000.125,
        "finished_at": 1_700_000_009.5,
        "answer": "Santiago de Chile",
        "score": SCORE,
        "threshold": 0.75,
        "scorer": "minilm-l6:6",
        "metadata": {"row": 7},
    }
    return Ending(question_id=question_id, turn=turn, status=status, **(facts | changes))


def call(question_id: str = "q", turn: Turn = FIRST) -> CallKey:
    return CallKey(question_id, *turn)


def request(
    question_id: str = "q", turn: Turn = FIRST, owner: str = "worker-1", lease: float = 60.0
) -> ClaimRequest:
    return ClaimRequest(call(question_id, turn), owner, lease, "smol", time.time(), 1.5)


def answer(text: str = "Santiago") -> CallAnswer:
    return CallAnswer(text, seconds=0.75, tokens=12, finish_reason="stop")


def failure(cause: str = "overloaded") -> CallFailure:
    return CallFailure(cause, "503 busy", 0.25, 1_700_000_003.0, 503, 30.0)


def dead_letter(offset: int = 5, **changes: Any) -> DeadLetterRow:
    facts: dict[str, Any] = {
        "cause": "malformed",
        "detail": "not JSON",
        "first_seen_at": 1_700_000_000.0,
        "dead_at": 1_700_000_001.0,
        "key": b"\x00key",
        "value": bytes(range(256)),
    }
    return DeadLetterRow("llm-requests", 3, offset, **(facts | changes))


async def stored(store: AnswerStore, question_id: str = "q") -> StoredQuestion:
    question = await store.question(question_id)
    assert question is not None
    return question


async def claimed_by_polling(store: AnswerStore, **changes: Any) -> Claim:
    """Claim until it is granted: a lease must run out by itself, within seconds."""
    deadline = time.monotonic() + 5
    while True:
        claim = await store.claim(request(**changes))
        if claim == Claimed() or time.monotonic() > deadline:
            return claim
        await asyncio.sleep(0.01)


class AcceptContract:
    async def test_an_accepted_question_is_read_as_it_was_given(self, store: AnswerStore) -> None:
        assert await store.accept([accepted()]) == set()
        assert await store.question("q") == StoredQuestion(
            question_id="q",
            status=Status.ACCEPTED,
            question_text="¿Cuál es la capital de Chile?",
            original_answer="Santiago",
            model="smol",
            turn=FIRST,
            accepted_at=1_700_000_000.125,
            metadata={"row": 7},
        )

    async def test_an_unknown_question_is_none(self, store: AnswerStore) -> None:
        assert await store.question("nobody") is None
        assert await store.statuses(["nobody"]) == {}

    async def test_accepting_again_changes_nothing(self, store: AnswerStore) -> None:
        await store.accept([accepted()])
        again = accepted(accepted_at=1_800_000_000.0, metadata={"row": 8})
        assert await store.accept([again, again]) == set()
        question = await stored(store)
        assert (question.accepted_at, question.metadata) == (1_700_000_000.125, {"row": 7})

    async def test_accepting_nothing_is_nothing(self, store: AnswerStore) -> None:
        assert await store.accept([]) == set()
        assert await store.counts() == {}

    async def test_a_later_generation_keeps_the_time_of_acceptance(
        self, store: AnswerStore
    ) -> None:
        await store.accept([accepted()])
        await store.accept([accepted(turn=Turn(0, 2, 1), accepted_at=1_800_000_000.0)])
        question = await stored(store)
        assert question.turn == Turn(0, 2, 1)
        assert question.accepted_at == 1_700_000_000.125

    async def test_one_chunk_may_hold_a_question_several_times(self, store: AnswerStore) -> None:
        turns = [Turn(0, 1, 1), Turn(1, 1, 1), Turn(0, 2, 1)]
        await store.accept([accepted(turn=turn, metadata={"turn": list(turn)}) for turn in turns])
        question = await stored(store)
        assert (question.turn, question.metadata) == (Turn(1, 1, 1), {"turn": [1, 1, 1]})

    async def test_what_is_final_in_this_or_a_later_round_is_told(self, store: AnswerStore) -> None:
        await store.finish([ending("now"), ending("later", Turn(2, 1, 1))])
        await store.finish([ending("before")])
        await store.accept([accepted("open")])
        found = await store.accept(
            [
                accepted("now", Turn(0, 2, 1)),
                accepted("later", Turn(1, 1, 1)),
                accepted("before", Turn(1, 1, 1)),
                accepted("open"),
            ]
        )
        assert found == {"now", "later"}
        assert (await stored(store, "before")).status is Status.ACCEPTED

    async def test_a_new_round_is_a_new_question(self, store: AnswerStore) -> None:
        await store.finish([ending(status=Status.DEAD, cause="unauthorized")])
        await store.accept([accepted(turn=Turn(1, 1, 1), accepted_at=1_800_000_000.0)])
        question = await stored(store)
        assert question.accepted_at == 1_800_000_000.0
        assert (question.answer, question.score, question.cause) == (None, None, None)
        assert question.finished_at is None

    @pytest.mark.parametrize(
        "text",
        ["nul \x00 in the text", "half a pair \ud83d", "both \udc00\x00"],
        ids=["nul", "surrogate", "both"],
    )
    async def test_what_a_database_cannot_hold_is_replaced(
        self, store: AnswerStore, text: str
    ) -> None:
        clean = "".join("\ufffd" if c == "\x00" or "\ud800" <= c <= "\udfff" else c for c in text)
        metadata = {text: [text, {"deep": text}], "nan": float("nan"), "n": 1}
        await store.accept([accepted(question_text=text, original_answer=text, metadata=metadata)])
        question = await stored(store)
        assert (question.question_text, question.original_answer) == (clean, clean)
        assert question.metadata == {clean: [clean, {"deep": clean}], "nan": None, "n": 1}

    async def test_an_id_with_a_nul_is_found_again(self, store: AnswerStore) -> None:
        await store.finish([ending("a\x00b")])
        assert (await stored(store, "a\x00b")).status is Status.VALIDATED
        assert await store.statuses(["a\x00b"]) == {"a\x00b": (Status.VALIDATED, FIRST)}
        assert await store.accept([accepted("a\x00b")]) == {"a\x00b"}

    async def test_any_language_and_hostile_text_is_kept(self, store: AnswerStore) -> None:
        text = "¿Qué? ñandú 🦙👩‍👩‍👧 日本語 مرحبا \u2028 \x1b[31m"
        text += "'; DROP TABLE questions; -- \\ % $1 {0}"
        await store.accept([accepted(question_text=text, metadata={"k": text})])
        await store.claim(request())
        await store.record_answer(call(), "worker-1", answer(text))
        question = await stored(store)
        assert question.question_text == question.metadata["k"] == text
        assert question.attempts[0].answer == text

    async def test_a_long_text_is_kept_whole(self, store: AnswerStore) -> None:
        text = "ñ" * 200_000
        await store.accept([accepted(question_text=text)])
        assert (await stored(store)).question_text == text

    async def test_metadata_keeps_the_order_of_its_keys(self, store: AnswerStore) -> None:
        await store.accept([accepted(metadata={"b": 1, "a": {"z": None, "y": [1.5, True]}})])
        assert list((await stored(store)).metadata) == ["b", "a"]


class LedgerContract:
    async def test_a_claim_is_granted_once(self, store: AnswerStore) -> None:
        await store.accept([accepted()])
        assert await store.claim(request()) == Claimed()
        assert await store.claim(request(owner="worker-2")) == Busy("worker-1")
        assert await store.claim(request()) == Busy("worker-1")
        assert (await stored(store)).status is Status.ASKING

    async def test_a_hundred_at_once_are_one_flight(self, store: AnswerStore) -> None:
        claims = await asyncio.gather(
            *(store.claim(request(owner=f"worker-{number}")) for number in range(100))
        )
        assert claims.count(Claimed()) == 1
        assert sum(isinstance(claim, Busy) for claim in claims) == 99

    async def test_calls_are_claimed_apart(self, store: AnswerStore) -> None:
        turns = [Turn(0, 1, 1), Turn(0, 1, 2), Turn(0, 2, 1), Turn(1, 1, 1)]
        claims = await asyncio.gather(*(store.claim(request(turn=turn)) for turn in turns))
        assert claims == [Claimed()] * 4

    async def test_a_lease_that_ran_out_is_free(self, store: AnswerStore) -> None:
        assert await store.claim(request(lease=0.2)) == Claimed()
        assert await store.claim(request(owner="worker-2")) == Busy("worker-1")
        assert await claimed_by_polling(store, owner="worker-2") == Claimed()
        assert await store.claim(request()) == Busy("worker-2")

    async def test_a_renewed_lease_holds(self, store: AnswerStore) -> None:
        await store.claim(request("mine", lease=0.2))
        await store.claim(request("also-mine", lease=0.2))
        await store.claim(request("answered", lease=0.2))
        await store.record_answer(call("answered"), "worker-1", answer())
        await store.claim(request("other", owner="worker-2", lease=0.2))
        assert await store.renew("worker-1", 60, time.time()) == 2
        assert await claimed_by_polling(store, question_id="other") == Claimed()
        assert await store.claim(request("mine", owner="worker-3")) == Busy("worker-1")
        assert await store.renew("nobody", 60, time.time()) == 0

    async def test_an_unclaimed_call_is_free_at_once(self, store: AnswerStore) -> None:
        await store.claim(request())
        await store.unclaim(call(), "worker-2")  # not his
        assert await store.claim(request(owner="worker-2")) == Busy("worker-1")
        await store.unclaim(call(), "worker-1")
        assert await store.claim(request(owner="worker-2")) == Claimed()

    async def test_an_answer_is_not_unclaimed(self, store: AnswerStore) -> None:
        await store.claim(request())
        await store.record_answer(call(), "worker-1", answer())
        await store.unclaim(call(), "worker-1")
        assert await store.claim(request()) == answer()

    async def test_the_first_answer_stays(self, store: AnswerStore) -> None:
        await store.accept([accepted()])
        await store.claim(request())
        assert await store.record_answer(call(), "worker-1", answer("one"))
        assert not await store.record_answer(call(), "worker-1", answer("two"))
        assert not await store.record_failure(call(), "worker-1", failure())
        assert await store.claim(request(owner="worker-2")) == answer("one")
        assert (await stored(store)).status is Status.JUDGING

    async def test_the_first_failure_stays(self, store: AnswerStore) -> None:
        await store.claim(request())
        assert await store.record_failure(call(), "worker-1", failure())
        assert not await store.record_failure(call(), "worker-1", failure("timeout"))
        assert not await store.record_answer(call(), "worker-1", answer())
        assert await store.claim(request()) == failure()

    async def test_of_answers_that_come_together_one_is_kept(self, store: AnswerStore) -> None:
        await store.claim(request())
        kept = await asyncio.gather(
            *(store.record_answer(call(), "worker-1", answer(str(n))) for n in range(20))
        )
        assert kept.count(True) == 1
        assert await store.claim(request()) == answer(str(kept.index(True)))

    async def test_a_late_answer_reaches_the_ledger_from_whoever_made_the_call(
        self, store: AnswerStore
    ) -> None:
        await store.claim(request(lease=0.05))
        assert await claimed_by_polling(store, owner="worker-2") == Claimed()
        assert await store.record_answer(call(), "worker-1", answer("late"))
        assert not await store.record_answer(call(), "worker-2", answer("later"))
        assert await store.claim(request()) == answer("late")

    async def test_a_late_failure_does_not_end_the_call_of_the_new_owner(
        self, store: AnswerStore
    ) -> None:
        await store.claim(request(lease=0.05))
        assert await claimed_by_polling(store, owner="worker-2") == Claimed()
        assert not await store.record_failure(call(), "worker-1", failure())
        assert await store.record_answer(call(), "worker-2", answer())

    async def test_an_answer_to_a_call_that_was_given_up_is_kept(self, store: AnswerStore) -> None:
        await store.accept([accepted()])
        await store.claim(request())
        await store.unclaim(call(), "worker-1")
        assert await store.record_answer(call(), "worker-1", answer())
        [attempt] = (await stored(store)).attempts
        assert (attempt.model, attempt.answer) == ("smol", "Santiago")

    async def test_an_empty_answer_is_an_answer(self, store: AnswerStore) -> None:
        await store.claim(request())
        assert await store.record_answer(call(), "worker-1", CallAnswer("", 0.5))
        assert await store.claim(request()) == CallAnswer("", 0.5)

    async def test_the_first_verdict_is_in_force(self, store: AnswerStore) -> None:
        await store.claim(request())
        await store.record_answer(call(), "worker-1", answer())
        assert await store.verdict(call()) is None
        other = StoredVerdict(Status.LOW_QUALITY, Score(0.1, 0.2, -0.3), 0.75, "f1", "x", "low")
        verdicts = await asyncio.gather(
            store.record_verdict(call(), VERDICT), store.record_verdict(call(), other)
        )
        assert verdicts == [VERDICT, VERDICT]
        assert await store.record_verdict(call(), other) == VERDICT
        assert await store.verdict(call()) == VERDICT

    async def test_a_verdict_may_have_no_score(self, store: AnswerStore) -> None:
        unscored = StoredVerdict(Status.UNSCORED, None, None, None, None, "no reference")
        assert await store.record_verdict(call(), unscored) == unscored
        assert await store.verdict(call()) == unscored

    async def test_attempts_are_read_in_order_with_what_became_of_them(
        self, store: AnswerStore
    ) -> None:
        await store.accept([accepted()])
        turns = [Turn(0, 1, 10), Turn(0, 2, 1), Turn(0, 1, 2)]
        await asyncio.gather(*(store.claim(request(turn=turn)) for turn in turns))
        await store.record_failure(call(turn=Turn(0, 1, 2)), "worker-1", failure())
        await store.record_answer(call(turn=Turn(0, 1, 10)), "worker-1", answer())
        await store.record_verdict(call(turn=Turn(0, 1, 10)), VERDICT)
        first, second, third = (await stored(store)).attempts
        assert (first.attempt, first.cause, first.answer) == (2, "overloaded", None)
        assert (first.seconds, first.waited_seconds) == (0.25, 1.5)
        assert (second.attempt, second.answer, second.score) == (10, "Santiago", SCORE)
        assert (second.tokens, second.seconds) == (12, 0.75)
        assert (third.generation, third.answer, third.cause) == (2, None, None)
        assert third.started_at == pytest.approx(time.time(), abs=30)

    async def test_a_cancelled_claim_stands_in_nobodys_way(self, store: AnswerStore) -> None:
        claims = [asyncio.create_task(store.claim(request(f"q{n}"))) for n in range(5)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        for claim in claims[1:]:
            claim.cancel()
        await asyncio.wait(claims)
        assert claims[0].result() == Claimed()
        for number in range(1, 5):
            if claims[number].cancelled():
                assert await claimed_by_polling(store, question_id=f"q{number}") == Claimed()

    async def test_many_workers_on_the_same_calls_never_deadlock(self, store: AnswerStore) -> None:
        calls = [call(f"q{n}") for n in range(50)]
        await store.accept([accepted(f"q{n}") for n in range(50)])

        async def work(owner: str, keys: list[CallKey]) -> int:
            won = 0
            for key in keys:
                claim = await store.claim(request(key.question_id, owner=owner))
                if claim == Claimed():
                    won += 1
                    await store.record_answer(key, owner, answer())
                    await store.record_verdict(key, VERDICT)
                await store.waiting([Waiting(key.question_id, key.turn, 1.0, "overloaded")])
            return won

        orders = [calls, calls[::-1], calls[25:] + calls[:25]]
        won = await asyncio.gather(
            *(work(f"worker-{n}", orders[n % 3]) for n in range(12)),
            store.finish([ending(f"q{n}") for n in range(49, 9, -1)]),
            store.accept([accepted(f"q{n}") for n in range(50)]),
        )
        assert sum(each for each in won if isinstance(each, int)) == 50


class StateContract:
    @pytest.mark.parametrize("old_status", list(Status))
    async def test_facts_replace_each_other_as_the_lifecycle_says(
        self, store: AnswerStore, old_status: Status
    ) -> None:
        """Every (status, turn) after every other: states in which a store can be put, compared."""
        turns = [Turn(*each) for each in itertools.product((0, 1), (1, 2), (1, 2))]
        cases = list(itertools.product(turns, turns, Status))
        ids = [f"{n:04}" for n in range(len(cases))]
        await asyncio.gather(
            *(
                put(store, each, old_turn, old_status)
                for each, (old_turn, _, _) in zip(ids, cases, strict=True)
            )
        )
        before = await store.statuses(ids)
        await asyncio.gather(
            *(
                put(store, each, new_turn, new_status)
                for each, (_, new_turn, new_status) in zip(ids, cases, strict=True)
            )
        )
        after = await store.statuses(ids)
        for each, (old_turn, new_turn, new_status) in zip(ids, cases, strict=True):
            assert before[each] == (old_status, old_turn)
            replaced = supersedes(old_turn, old_status, new_turn, new_status)
            expected = (new_status, new_turn) if replaced else (old_status, old_turn)
            assert after[each] == expected, (old_turn, old_status, new_turn, new_status)

    async def test_a_wait_shows_its_cause_and_due_time_until_it_is_over(
        self, store: AnswerStore
    ) -> None:
        await store.accept([accepted()])
        await store.claim(request())
        await store.waiting([Waiting("q", FIRST, 1_700_000_055.5, "overloaded")])
        waits = await stored(store)
        assert (waits.status, waits.due_at, waits.cause) == (
            Status.WAITING,
            1_700_000_055.5,
            "overloaded",
        )
        await store.claim(request(turn=Turn(0, 1, 2)))
        asks = await stored(store)
        assert (asks.status, asks.due_at, asks.cause) == (Status.ASKING, None, None)

    async def test_waiting_for_an_unknown_question_makes_none(self, store: AnswerStore) -> None:
        await store.waiting([Waiting("nobody", FIRST, 1.0, "overloaded")])
        await store.waiting([])
        assert await store.question("nobody") is None

    async def test_an_end_is_read_as_it_was_given(self, store: AnswerStore) -> None:
        await store.accept([accepted()])
        await store.finish([ending()])
        question = await stored(store)
        assert question.as_json() | {"attempts": []} == {
            "question_id": "q",
            "status": "validated",
            "question_text": "¿Cuál es la capital de Chile?",
            "original_answer": "Santiago",
            "answer": "Santiago de Chile",
            "precision": 0.81,
            "recall": 0.79,
            "f1": 0.8,
            "threshold": 0.75,
            "scorer": "minilm-l6:6",
            "generation": 1,
            "cause": None,
            "attempts": [],
            "accepted_at": "2023-11-14T22:13:20.125Z",
            "finished_at": "2023-11-14T22:13:29.500Z",
            "metadata": {"row": 7},
        }

    async def test_the_first_end_of_a_round_stays(self, store: AnswerStore) -> None:
        await store.finish([ending(), ending(status=Status.DEAD, answer=None)])
        await store.finish([ending(turn=Turn(0, 3, 3), status=Status.LOW_QUALITY, answer="other")])
        await store.finish([ending()])
        question = await stored(store)
        assert (question.status, question.answer) == (Status.VALIDATED, "Santiago de Chile")
        assert await store.counts() == {Status.VALIDATED: 1}

    async def test_a_late_attempt_cannot_overwrite_the_end(self, store: AnswerStore) -> None:
        await store.finish([ending(turn=Turn(0, 1, 2))])
        await store.accept([accepted()])
        await store.claim(request())
        await store.record_answer(call(), "worker-1", answer("late"))
        await store.waiting([Waiting("q", Turn(0, 9, 9), 1.0, "overloaded")])
        question = await stored(store)
        assert (question.status, question.answer) == (Status.VALIDATED, "Santiago de Chile")
        assert question.turn == Turn(0, 1, 2)

    async def test_the_end_of_an_earlier_round_does_not_end_this_one(
        self, store: AnswerStore
    ) -> None:
        await store.accept([accepted(turn=Turn(1, 1, 1))])
        await store.finish([ending(status=Status.DEAD)])
        assert (await stored(store)).status is Status.ACCEPTED

    async def test_a_question_that_was_never_accepted_can_end(self, store: AnswerStore) -> None:
        await store.finish(
            [ending(status=Status.DEAD, answer=None, score=None, cause="anti_cycle")]
        )
        question = await stored(store)
        assert (question.status, question.cause) == (Status.DEAD, "anti_cycle")
        assert question.metadata == {"row": 7}

    async def test_a_dead_letter_is_kept_once_with_its_bytes(self, store: Any) -> None:
        letter = dead_letter(question_id="q", turn=Turn(1, 2, 3), attempts=4)
        await store.finish([], [letter, letter])
        await store.finish([ending()], [dead_letter(detail="again"), dead_letter(6, value=None)])
        assert await store.dead_letters() == [letter, dead_letter(6, value=None)]

    async def test_dead_letters_are_paged_and_purged(self, store: Any) -> None:
        letters = [dead_letter(n, dead_at=float(n)) for n in range(12)]
        await store.finish([], letters)
        first = await store.dead_letters(limit=5)
        assert first == letters[:5]
        assert await store.dead_letters(after=("llm-requests", 3, 4)) == letters[5:]
        assert await store.purge_dead_letters(10.0) == 10
        assert await store.dead_letters() == letters[10:]


class ReadContract:
    async def test_pages_go_from_new_to_old_without_gap_or_repeat(self, store: AnswerStore) -> None:
        # Ties in time, ids whose order differs between languages, and one of each status.
        ids = ["a", "B", "ñ", "z", "Z", "_", "10", "9", "é", "🦙", "a b", "-"]
        await store.accept(
            [accepted(each, accepted_at=float(n // 4)) for n, each in enumerate(ids)]
        )
        expected = sorted(((n // 4, each) for n, each in enumerate(ids)), reverse=True)
        seen: list[tuple[float, str]] = []
        cursor = None
        for _ in range(10):
            page = await store.questions(limit=5, cursor=cursor)
            seen += [(each.accepted_at, each.question_id) for each in page.questions]
            cursor = page.cursor
            if cursor is None:
                break
        assert seen == expected

    async def test_a_page_holds_one_status(self, store: AnswerStore) -> None:
        await store.accept([accepted(f"open-{n}", accepted_at=float(n)) for n in range(5)])
        await store.finish([ending(f"done-{n}", accepted_at=float(n)) for n in range(5)])
        first = await store.questions(status=Status.VALIDATED, limit=3)
        assert [each.question_id for each in first.questions] == ["done-4", "done-3", "done-2"]
        second = await store.questions(status=Status.VALIDATED, limit=3, cursor=first.cursor)
        assert [each.question_id for each in second.questions] == ["done-1", "done-0"]
        assert second.cursor is None
        assert (await store.questions(status=Status.DEAD)).questions == ()

    async def test_a_page_that_is_just_full_is_the_last(self, store: AnswerStore) -> None:
        await store.accept([accepted(f"q{n}") for n in range(3)])
        assert (await store.questions(limit=3)).cursor is None

    @pytest.mark.parametrize(
        "cursor",
        ["", "x", "!!", "bnVsbA", "W10", "WzEsIDJd", "WyJhIiwgImIiXQ", "WzFlOTk5LCAiYSJd", "ñ",
         "W3RydWUsICJhIl0", "W05hTiwgImEiXQ", "a" * 5000],
    )  # fmt: skip
    async def test_a_bad_cursor_is_named(self, store: AnswerStore, cursor: str) -> None:
        with pytest.raises(InputError) as caught:
            await store.questions(cursor=cursor)
        assert caught.value.field == "cursor"

    async def test_a_page_of_nothing_is_refused(self, store: AnswerStore) -> None:
        with pytest.raises(InputError) as caught:
            await store.questions(limit=0)
        assert caught.value.field == "limit"

    async def test_counts_add_up(self, store: AnswerStore) -> None:
        await store.accept([accepted(f"open-{n}") for n in range(3)])
        await store.finish([ending("a"), ending("b", status=Status.DEAD)])
        assert await store.counts() == {Status.ACCEPTED: 3, Status.VALIDATED: 1, Status.DEAD: 1}

    async def test_what_did_not_end_is_found_oldest_first(self, store: Any) -> None:
        for n, status in enumerate(Status):
            await put(store, f"q{n}", FIRST, status)
        await store.accept([accepted("young", accepted_at=1_800_000_000.0)])
        await store.accept([accepted("old", accepted_at=1.0)])
        found = await store.unfinished(1_700_000_001.0)
        assert [each.question_id for each in found] == ["old", "q0", "q1", "q2", "q3"]
        assert {each.status for each in found} == {each for each in Status if not each.final}
        assert [each.question_id for each in await store.unfinished(1e10, limit=2)] == ["old", "q0"]
        assert await store.unfinished(1.0) == []

    async def test_a_store_that_works_says_so(self, store: AnswerStore) -> None:
        assert await store.check()


class StoreContract(AcceptContract, LedgerContract, StateContract, ReadContract):
    """All of it."""


async def put(store: AnswerStore, question_id: str, turn: Turn, status: Status) -> None:
    """Give the store the fact that puts a question into a state."""
    key = CallKey(question_id, *turn)
    match status:
        case Status.ACCEPTED:
            await store.accept([accepted(question_id, turn)])
        case Status.ASKING | Status.JUDGING | Status.WAITING:
            if await store.question(question_id) is None:
                await store.accept([accepted(question_id, Turn(turn.round, 0, 0))])
            if status is Status.WAITING:
                await store.waiting([Waiting(question_id, turn, 1.0, "overloaded")])
            elif status is Status.ASKING:
                await store.unclaim(key, "worker-1")
                await store.claim(request(question_id, turn))
            else:
                await store.record_answer(key, "worker-1", answer())
        case _:
            await store.finish([ending(question_id, turn, status)])
