"""What every store keeps of a question that was accepted."""

from __future__ import annotations

import pytest

from app.core.lifecycle import Status, Turn
from app.core.questions import StoredQuestion
from app.ports import (
    AnswerStore,
)
from tests.adapters.store.contract_facts import (
    FIRST,
    accepted,
    answer,
    call,
    ending,
    request,
    stored,
)


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

    async def test_a_round_keeps_its_trace_context_and_the_next_has_its_own(
        self, store: AnswerStore
    ) -> None:
        async def kept() -> str | None:
            return (await stored(store)).trace_context

        await store.accept([accepted(trace_context="first v=1")])
        await store.accept([accepted(trace_context="a repeat")])
        await store.claim(request())
        assert await kept() == "first v=1"
        await store.finish([ending()])
        assert await kept() == "first v=1"
        await store.accept([accepted(turn=Turn(1, 1, 1), trace_context="second")])
        assert await kept() == "second"
        await store.accept([accepted(turn=Turn(2, 1, 1))])
        assert await kept() is None

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
