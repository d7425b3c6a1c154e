"""Several questions in one request: all of them on the log, or none; and looking at several."""

from __future__ import annotations

from typing import Any

import pytest

from app.adapters.llm.memory import ScriptedModel
from app.adapters.store.memory import MemoryStore
from app.core.failures import CAUSES
from app.errors import StoreUnavailable, llm_failed
from app.web.bodies import MAX_IDS, MAX_QUESTIONS
from tests.flow.engine import make_ports, poll
from tests.web.client import Api, serving

BAD = llm_failed(CAUSES["bad_request"], "no", status=400)


def several(*texts: str, **more: Any) -> dict[str, Any]:
    rows = [{"question_text": text, "original_answer": "An answer", **more} for text in texts]
    return {"questions": rows}


async def send(api: Api, body: Any) -> tuple[int, Any]:
    return await api.call("POST", "/questions", json=body)


async def ended(api: Api, ids: list[str]) -> list[dict[str, Any]]:
    """The questions once all of them are final."""
    found: list[dict[str, Any]] = []

    async def all_final() -> bool:
        status, page = await api.get("/questions", params={"ids": ",".join(ids)})
        assert (status, page["cursor"]) == (200, None)
        found[:] = page["questions"]
        return len(found) == len(set(ids)) and all(row["finished_at"] for row in found)

    await poll(all_final)
    return found


async def test_all_are_answered_and_told_in_their_order() -> None:
    texts = [f"¿Cuánto es {n} más {n}?" for n in range(MAX_QUESTIONS)]
    model = ScriptedModel(lambda prompt: "An answer")
    async with serving(make_ports(model=model)) as api:
        status, reply = await send(api, several(*texts, metadata={"origen": "prueba"}))
        assert status == 202
        assert {row["status"] for row in reply["questions"]} == {"accepted"}
        ids = [row["question_id"] for row in reply["questions"]]
        assert len(set(ids)) == MAX_QUESTIONS
        rows = await ended(api, ids[:MAX_IDS])
        assert [row["question_text"] for row in rows] == texts[:MAX_IDS]
        assert rows[0]["metadata"] == {"origen": "prueba"}
        assert api.engine.context.metrics.total("questions_accepted") == MAX_QUESTIONS


async def test_what_is_answered_is_told_what_is_dead_or_new_is_asked_and_equal_ones_once() -> None:
    model = ScriptedModel(lambda prompt: "An answer", {"Dead?": [BAD]})
    async with serving(make_ports(model=model)) as api:
        _, first = await send(api, several("Known?", "Dead?"))
        ids = [row["question_id"] for row in first["questions"]]
        assert [row["status"] for row in await ended(api, ids)] == ["validated", "dead"]
        _, second = await send(api, several("Known?", "Dead?", "New?", "New?"))
        told = [(row["question_id"], row["status"]) for row in second["questions"]]
        assert told[:2] == [(ids[0], "validated"), (ids[1], "accepted")]
        assert told[2] == told[3]

        async def asked_again() -> bool:
            return len(model.calls) == 4

        await poll(asked_again)
        rows = await ended(api, [*ids, told[2][0]])
        assert [row["status"] for row in rows] == ["validated"] * 3
        assert rows[1]["round"] == 1


async def test_keys_and_fresh_ones_are_each_questions_own() -> None:
    async with serving() as api:
        body = several("Why?", "Why?", "Why?", "Why?")
        body["questions"][1]["idempotency_key"] = "a"
        body["questions"][2]["fresh"] = body["questions"][3]["fresh"] = True
        _, reply = await send(api, body)
        assert len({row["question_id"] for row in reply["questions"]}) == 4
        status, alone = await api.query(body["questions"][0], key="a", wait=30)
        assert (status, alone["question_id"]) == (200, reply["questions"][1]["question_id"])
        for again in (
            several("Another?", idempotency_key="a"),
            several("A?", "B?", idempotency_key="b"),
        ):
            status, error = await send(api, again)
            assert status == 422
            last = len(again["questions"]) - 1
            assert error["error"]["field"] == f"questions[{last}].idempotency_key"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "questions"),
        ({"questions": []}, "questions"),
        ({"questions": [{"question_text": "x"}] * (MAX_QUESTIONS + 1)}, "questions"),
        ({"questions": [{"question_text": "Good?"}, {"question_text": " "}]}, None),
        ({"questions": [{"question_text": "Good?"}, {"text": "Wrong"}]}, None),
        (
            {
                "questions": [
                    {"question_text": "Good?"},
                    {"question_text": "x", "metadata": {"a": "\0"}},
                ]
            },
            "questions[1].metadata",
        ),
        ({"questions": [{"question_text": "x", "metadata": {"a": "x" * 33_000}}]}, None),
    ],
)
async def test_when_one_is_wrong_none_is_taken_and_it_is_named(
    body: Any, field: str | None
) -> None:
    async with serving() as api:
        status, reply = await send(api, body)
        assert (status, reply["error"]["code"]) == (422, "invalid"), reply
        if field is None:
            last = len(body["questions"]) - 1
            assert reply["error"]["field"].startswith(f"questions[{last}]"), reply
        else:
            assert reply["error"]["field"] == field
        assert api.engine.context.metrics.total("questions_accepted") == 0


async def test_a_request_needs_room_for_all_of_its_new_ones() -> None:
    gate = ScriptedModel(lambda prompt: "An answer", seconds=60)
    async with serving(make_ports(model=gate), backlog_limit=5) as api:
        status, reply = await send(api, several(*"abcdef"))
        assert (status, reply["error"]["field"]) == (422, "questions")
        assert (await send(api, several(*"abc")))[0] == 202
        status, reply = await send(api, several(*"def"))
        assert (status, reply["error"]["code"]) == (503, "backlog_full")
        assert (await send(api, several(*"abcde")))[0] == 202, "three of them are in progress"


async def test_with_the_database_away_all_are_on_the_log_and_answered_later() -> None:
    class Away(MemoryStore):
        away = True

        async def questions_by_id(self, question_ids: Any) -> Any:
            if self.away:
                raise StoreUnavailable("gone")
            return await super().questions_by_id(question_ids)

        async def accept(self, questions: Any) -> Any:
            if self.away:
                raise StoreUnavailable("gone")
            return await super().accept(questions)

    store = Away()
    async with serving(make_ports(store=store)) as api:
        status, reply = await send(api, several("a?", "b?"))
        assert status == 202
        store.away = False
        rows = await ended(api, [row["question_id"] for row in reply["questions"]])
        assert [row["status"] for row in rows] == ["validated"] * 2


@pytest.mark.parametrize(
    "params",
    [
        {"ids": ""},
        {"ids": "a,,b"},
        {"ids": "a,b\0"},
        {"ids": ",".join(["a"] * (MAX_IDS + 1))},
        {"ids": "a", "limit": "5"},
    ],
)
async def test_wrong_ids_are_refused(params: dict[str, str]) -> None:
    async with serving() as api:
        status, reply = await api.get("/questions", params=params)
        assert (status, reply["error"]["code"]) == (422, "invalid")


async def test_unknown_ids_are_left_out() -> None:
    async with serving() as api:
        _, row = await api.query({"question_text": "Why?"}, wait=30)
        ids = f"nobody,{row['question_id']},{row['question_id']}"
        status, page = await api.get("/questions", params={"ids": ids})
        assert status == 200
        assert [each["question_id"] for each in page["questions"]] == [row["question_id"]]
        assert "attempts" not in page["questions"][0]
