"""Asking an engine that runs: the same questions get the same ids, and what is away is said."""

from __future__ import annotations

from typing import Any

import pytest

from app.cli.engine import HttpAsker, LocalAsker
from app.errors import StoreUnavailable, UnavailableError
from app.intake import NewQuestion
from app.settings import load_settings
from tests.web.client import serving

LONG = NewQuestion("Почему? " * 1_500, "Потому что.", {"источник": "é" * 16_000})


def asker(api: Any) -> HttpAsker:
    return HttpAsker(api.client, load_settings())


@pytest.mark.parametrize("new", [NewQuestion("¿Por qué?", "Porque sí."), LONG], ids=["", "long"])
async def test_a_key_is_the_same_question_here_and_over_http(new: NewQuestion) -> None:
    async with serving() as api:
        there = await asker(api).submit(new, key="run-1/row-1")
        here = await LocalAsker(api.engine.app, load_settings()).submit(new, key="run-1/row-1")
        assert there["question_id"] == here["question_id"]
        row = await api.engine.final(there["question_id"])
        assert row.status.final
        again = await asker(api).submit(new, key="run-1/row-1")
        assert again["answer"] == row.answer, "an end comes whole, by either route"


async def test_a_long_question_without_a_key_is_taken_too() -> None:
    async with serving() as api:
        taken = await asker(api).submit(LONG)
        assert (await api.engine.final(taken["question_id"])).question_text == LONG.question_text


async def test_a_database_that_is_away_is_not_an_unknown_question(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with serving() as api:
        assert await asker(api).questions(["of/nobody"]) == []

        async def away(*_: Any) -> Any:
            raise StoreUnavailable("the database is away")

        monkeypatch.setattr(api.engine.ports.store, "question", away)
        with pytest.raises(UnavailableError, match="the database is away"):
            await asker(api).questions(["q1"])
