"""Dead letters over HTTP: listed, shown, planned, redriven once, purged with care."""

from __future__ import annotations

import base64
from typing import Any

import msgspec
import pytest

from app.core.lifecycle import Turn
from app.web import openapi_letters as shapes
from app.wire import WireGate
from models.questions import Question
from tests.flow.engine import make_ports, poll, question
from tests.web.client import serving
from tests.web.letters import WHY, Key, b64, dead_questions, in_round, letters, redrive


async def test_letters_are_listed_with_their_counts_and_page_by_page() -> None:
    async with serving(make_ports(model=Key().model())) as api:
        await dead_questions(api, 5)
        status, page = await api.get("/dead-letters?limit=2&counts=true")
        assert status == 200
        msgspec.convert(page, shapes.LetterPage)
        topic = api.engine.names.llm_responses_error
        assert page["counts"] == [
            {"cause": "unauthorized", "topic": topic, "state": "open", "letters": 5}
        ]
        seen = list(page["letters"])
        while page["cursor"]:
            _, page = await api.get(f"/dead-letters?limit=2&cursor={page['cursor']}")
            seen += page["letters"]
        assert len({row["origin"] for row in seen}) == 5
        assert [row["dead_at"] for row in seen] == sorted(
            (row["dead_at"] for row in seen), reverse=True
        )
        assert await letters(api, "cause=rejected,deadline") == []
        assert len(await letters(api, "question_id=q3&since=1h&attempts_at_least=1")) == 1
        assert await letters(api, "until=1h") == []


async def test_one_letter_shows_its_bytes_and_what_a_redrive_would_send() -> None:
    async with serving(make_ports(model=Key().model())) as api:
        await dead_questions(api, 1)
        [row] = await letters(api)
        status, shown = await api.get(f"/dead-letters/{row['origin']}")
        assert status == 200
        msgspec.convert(shown, shapes.ListedLetter)
        [message] = api.engine.messages(api.engine.names.llm_responses_error)
        assert shown["value_base64"] == b64(message.value)
        sent = WireGate(Question).decode(base64.b64decode(shown["redrive"]["value_base64"]))
        assert (sent.question_id, sent.turn, sent.best) == ("q0", Turn(1, 1, 1), None)
        assert (await api.get("/dead-letters/nowhere/0/1"))[0] == 404
        assert (await api.get("/dead-letters/nowhere/x/1"))[0] == 404


async def test_a_plan_writes_nothing_and_says_why_not() -> None:
    key = Key()
    async with serving(make_ports(model=key.model())) as api:
        await dead_questions(api, 3)
        key.good = True
        await api.query({"question_text": "Question 0?", "original_answer": "An answer"})
        again = question("Question 0?", question_id="q0", round=1)
        await api.engine.submit(again)
        await poll(lambda: in_round(api, "q0", 1))
        plan = await redrive(api, filter=WHY)
        msgspec.convert(plan, shapes.RedrivePlan)
        assert (plan["planned"], plan["as_question"], plan["examined"]) == (2, 2, 3)
        assert plan["by_cause"] == {"unauthorized": 2}
        assert [(each["why"], each["letters"]) for each in plan["refusals"]] == [("newer_round", 1)]
        assert {row["state"] for row in await letters(api, "state=all")} == {"open"}
        assert (await api.get("/redrives"))[1] == {"redrives": []}


async def test_a_purge_is_dry_unless_told_and_spares_what_nobody_saw() -> None:
    key = Key()
    async with serving(make_ports(model=key.model())) as api:
        await dead_questions(api, 3)
        key.good = True
        [row] = await letters(api, "question_id=q1")
        await redrive(api, letters=[{"origin": row["origin"]}], dry_run=False)

        async def purge(**body: Any) -> Any:
            status, reply = await api.call("POST", "/dead-letters/purge", json=body)
            assert status == 200, reply
            return reply

        assert (await purge())["would_purge"] == 1
        assert await purge(dry_run=False) == {"purged": 1}
        assert await purge(dry_run=False) == {"purged": 0}
        assert (await purge(filter={"state": "open"}))["would_purge"] == 2
        assert await purge(filter=WHY, dry_run=False) == {"purged": 2}


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("since=soon", "since"),
        ("state=dead", "state"),
        ("cursor=x", "cursor"),
        ("limit=0", "limit"),
    ],
)
async def test_a_bad_list_is_refused_with_the_parameter(query: str, field: str) -> None:
    async with serving() as api:
        status, reply = await api.get(f"/dead-letters?{query}")
    assert (status, reply["error"]["field"]) == (422, field)
    assert "regex" not in reply["error"]["message"]


async def test_redrive_and_purge_need_the_token_and_have_room_for_a_long_message() -> None:
    async with serving(api_token="a token of some length") as api:
        for path in ("/dead-letters/redrive", "/dead-letters/purge"):
            assert (await api.call("POST", path, json={}))[0] == 401
    async with serving() as api:
        value = b64(b"x" * 1_500_000)
        done = await redrive(api, letters=[{"origin": "a/0/1", "value": value}], dry_run=False)
        assert done["letters"][0]["outcome"] == "refused"
        status, _ = await api.raw(b" " * (4 * 1024 * 1024 + 1), "/dead-letters/redrive")
        assert status == 413
