"""The contract of what people look at: in progress, waiting, found."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.core.lifecycle import Status, Turn
from app.errors import InputError
from app.ports import AnswerStore, Waiting
from app.ports.views import InProgress, LedgerDetail, WaitGroup
from tests.adapters.store.contract_facts import (
    FIRST,
    accepted,
    answer,
    call,
    ending,
    failure,
    request,
)


async def _wait(store: AnswerStore, question_id: str, due_at: float, cause: str) -> None:
    await store.accept([accepted(question_id)])
    await store.waiting([Waiting(question_id, FIRST, due_at, cause)])


class ViewContract:
    """Inherit, with a fixture `store`."""

    async def test_nothing_is_in_progress_at_first(self, store: AnswerStore) -> None:
        assert await store.in_progress() == InProgress({}, None, ())
        assert await store.due_counts([1.0]) == [0, 0]
        assert (await store.waits()).questions == ()
        assert (await store.search("a")).questions == ()

    async def test_what_is_in_progress_is_counted_by_state_and_by_cause(
        self, store: AnswerStore
    ) -> None:
        await store.accept([accepted("a", accepted_at=7.0), accepted("b", accepted_at=5.0)])
        await store.accept([accepted("old", accepted_at=1.0)])
        await store.finish([ending("old")])
        await _wait(store, "c", 30.0, "rate_limited")
        await _wait(store, "d", 20.0, "rate_limited")
        await _wait(store, "e", 10.0, "overloaded")
        found = await store.in_progress()
        assert found.counts == {Status.ACCEPTED: 2, Status.WAITING: 3}
        assert found.oldest_at == 5.0
        assert found.waits == (
            WaitGroup("overloaded", 1, 10.0),
            WaitGroup("rate_limited", 2, 20.0),
        )

    async def test_due_times_are_counted_between_edges(self, store: AnswerStore) -> None:
        for number, due_at in enumerate((5.0, 10.0, 10.5, 19.9, 20.0, 99.0)):
            await _wait(store, f"q{number}", due_at, "overloaded" if number else "timeout")
        assert await store.due_counts([10.0, 20.0, 30.0]) == [1, 3, 1, 1]
        assert await store.due_counts([10.0, 20.0, 30.0], "timeout") == [1, 0, 0, 0]

    async def test_waits_come_in_pages_soonest_first(self, store: AnswerStore) -> None:
        for name, due_at in (("a", 3.0), ("b", 1.0), ("c", 2.0), ("d", 2.0)):
            await _wait(store, name, due_at, "timeout" if name == "d" else "overloaded")
        found, cursor = [], None
        while True:
            page = await store.waits(limit=2, cursor=cursor)
            found += [question.question_id for question in page.questions]
            if (cursor := page.cursor) is None:
                break
        assert found == ["b", "c", "d", "a"]
        only = await store.waits(cause="timeout")
        assert [question.question_id for question in only.questions] == ["d"]
        with pytest.raises(InputError):
            await store.waits(cursor="no cursor")

    async def test_a_text_is_found_in_question_reference_answer_and_id(
        self, store: AnswerStore
    ) -> None:
        texts = {"a1": "¿Dónde está LIMA?", "b2": "Why?", "c3": "100%_sure"}
        for number, (name, text) in enumerate(texts.items()):
            fact = replace(accepted(name, accepted_at=float(number)), question_text=text)
            await store.accept([replace(fact, original_answer=None)])
        await store.finish([ending("b2", answer="It is in Lima.", question_text="Why?")])

        async def ids(text: str, status: Status | None = None) -> list[str]:
            page = await store.search(text, status=status)
            return [question.question_id for question in page.questions]

        assert await ids("lima") == ["b2", "a1"]
        assert await ids("lima", Status.ACCEPTED) == ["a1"]
        assert await ids("c3") == ["c3"]
        assert await ids("0%_s") == ["c3"]
        assert await ids("%") == ["c3"], "no pattern"
        assert await ids("nowhere") == []
        assert await ids("a\x00b") == []

    async def test_a_search_looks_at_so_many_and_goes_on_from_there(
        self, store: AnswerStore
    ) -> None:
        for number in range(7):
            text = "needle" if number in (1, 2, 6) else "hay"
            fact = accepted(f"q{number}", accepted_at=float(number))
            await store.accept([replace(fact, question_text=text)])
        pages, cursor = [], None
        while True:
            page = await store.search("needle", limit=1, cursor=cursor, look_at=3)
            ids = [question.question_id for question in page.questions]
            pages.append((ids, page.searched_to))
            if (cursor := page.cursor) is None:
                break
        assert pages == [(["q6"], 4.0), (["q2"], 2.0), (["q1"], None)]
        with pytest.raises(InputError):
            await store.search("needle", cursor="no cursor")

    async def test_the_ledger_tells_what_a_server_said(self, store: AnswerStore) -> None:
        second = Turn(0, 1, 2)
        failed = replace(failure(), status=503, retry_after_seconds=7.5, detail="busy")
        await store.claim(request())
        await store.record_failure(call(), "worker-1", failed)
        await store.claim(request(turn=second))
        await store.record_answer(
            call(turn=second), "worker-1", replace(answer(), finish_reason="length")
        )
        assert await store.ledger_details("q") == [
            LedgerDetail(FIRST, "busy", 503, 7.5, None),
            LedgerDetail(second, None, None, None, "length"),
        ]
        assert await store.ledger_details("unknown") == []
