"""What every store keeps, whatever it is made of. Inherit, and give the fixture `store`."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import replace

import pytest

from app.core.lifecycle import Status, Turn, supersedes
from app.core.questions import StoredQuestion
from app.errors import InputError
from app.ports import (
    AnswerStore,
    Waiting,
)
from tests.adapters.store.contract_costs import CostContract
from tests.adapters.store.contract_facts import (
    FIRST,
    accepted,
    answer,
    call,
    ending,
    put,
    request,
    stored,
)
from tests.adapters.store.contract_ledger import LedgerContract
from tests.adapters.store.contract_letters import LettersContract
from tests.adapters.store.contract_overdue import OverdueContract
from tests.adapters.store.contract_quality import QualityContract
from tests.adapters.store.contract_views import ViewContract


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

    @pytest.mark.parametrize("by", ["acceptance", "wait"])
    async def test_a_new_round_has_nothing_of_the_end_before(
        self, store: AnswerStore, by: str
    ) -> None:
        await store.accept([accepted()])
        blank = replace(await stored(store), status=Status.WAITING, turn=Turn(1, 1, 1))
        await store.finish([ending(status=Status.DEAD, cause="unauthorized")])
        if by == "acceptance":
            await store.accept([accepted(turn=Turn(1, 1, 1))])
        await store.waiting([Waiting("q", Turn(1, 1, 1), 7e9, "overloaded")])
        assert await stored(store) == replace(blank, due_at=7e9, cause="overloaded")

    async def test_waiting_for_an_unknown_question_makes_none(self, store: AnswerStore) -> None:
        assert await store.waiting([Waiting("nobody", FIRST, 1.0, "overloaded")]) == set()
        assert await store.waiting([]) == set()
        assert await store.question("nobody") is None

    async def test_for_a_round_that_is_over_there_is_nothing_left_to_wait(
        self, store: AnswerStore
    ) -> None:
        """A failure of the past, replayed when the tables have forgotten its question."""
        await store.finish([ending("ended"), ending("dead", status=Status.DEAD)])
        await store.accept([accepted("dead", Turn(1, 1, 1)), accepted("open")])
        ids = ("ended", "dead", "open", "nobody")
        old = [Waiting(each, Turn(0, 1, 2), 1.0, "overloaded") for each in ids]
        assert await store.waiting(old) == {"ended", "dead"}
        new = [Waiting(each, Turn(1, 1, 1), 1.0, "overloaded") for each in ids]
        assert await store.waiting(new) == set()

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
            "metric": "f1",
            "gate": "profile minilm-l6",
            "scorer": "minilm-l6:6",
            "library": "bert-score 0.3.13",
            "rescaled": False,
            "generation": 1,
            "cause": None,
            "why": "f1 0.800 >= 0.750",
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

    async def test_the_backlog_counts_what_has_no_end_up_to_a_limit(
        self, store: AnswerStore
    ) -> None:
        await store.accept([accepted(f"open-{n}") for n in range(3)])
        await store.finish([ending("a"), ending("b", status=Status.DEAD)])
        assert await store.backlog(10) == 3
        assert await store.backlog(2) == 2

    async def test_a_store_that_works_says_so(self, store: AnswerStore) -> None:
        assert await store.check()


class StoreContract(
    AcceptContract,
    LedgerContract,
    CostContract,
    LettersContract,
    StateContract,
    ReadContract,
    OverdueContract,
    ViewContract,
    QualityContract,
):
    """All of it."""
