"""What every store tells of many questions: pages, counts, the backlog."""

from __future__ import annotations

import pytest

from app.core.lifecycle import Status
from app.errors import InputError
from app.ports import (
    AnswerStore,
)
from tests.adapters.store.contract_facts import (
    accepted,
    ending,
)


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
