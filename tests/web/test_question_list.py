"""Reading questions: one by its id, and lists, newest first, filtered, in pages."""

from __future__ import annotations

import pytest

from app.adapters.llm.memory import ScriptedModel
from app.core.failures import CAUSES
from app.core.lifecycle import Status
from app.errors import llm_failed
from tests.core.test_questions import FIELDS
from tests.flow.engine import make_ports
from tests.web.client import serving

ASK = {"question_text": "Why?", "original_answer": "An answer", "metadata": {"a": [1]}}


BAD = llm_failed(CAUSES["bad_request"], "no", status=400)


async def test_an_unknown_question_is_404() -> None:
    async with serving() as api:
        status, body = await api.get("/questions/nobody")
        assert (status, body["error"]["code"]) == (404, "not_found")
        assert (await api.get("/questions/%00%ff"))[0] == 404


async def test_questions_are_listed_newest_first_in_pages() -> None:
    async with serving() as api:
        asked = [await api.query({"question_text": f"{n}?"}, wait=30) for n in range(7)]
        ids = [row["question_id"] for _, row in asked]
        found, cursor, pages = [], None, 0
        while pages == 0 or cursor:
            params = {"limit": "3"} | ({"cursor": cursor} if cursor else {})
            status, page = await api.get("/questions", params=params)
            assert status == 200
            assert set(page) == {"questions", "cursor"}
            found += page["questions"]
            cursor, pages = page["cursor"], pages + 1
    assert pages == 3
    assert [row["question_id"] for row in found] == ids[::-1]
    assert {*found[0], "attempts"} == set(FIELDS)


async def test_questions_are_filtered_by_status() -> None:
    model = ScriptedModel(lambda prompt: "An answer", {"Dead?": [BAD]})
    async with serving(make_ports(model=model)) as api:
        await api.query({"question_text": "Dead?"}, wait=30)
        await api.query(ASK, wait=30)
        for status in Status:
            _, page = await api.get("/questions", params={"status": status.value})
            expected = status in {Status.DEAD, Status.VALIDATED}
            assert [row["status"] for row in page["questions"]] == [status.value] * expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("status", "good"),
        ("status", ""),
        ("limit", "0"),
        ("limit", "501"),
        ("limit", "-1"),
        ("limit", "ten"),
        ("limit", ""),
        ("limit", "1" * 5000),
        ("limit", "٣"),
        ("cursor", "garbage"),
        ("cursor", ""),
        ("cursor", "\x00"),
    ],
)
async def test_bad_filters_are_refused_by_name(name: str, value: str) -> None:
    async with serving() as api:
        status, body = await api.get("/questions", params={name: value})
    assert (status, body["error"]["field"]) == (422, name)
