"""Dead letters over HTTP: listed, shown, planned, redriven once, purged with care."""

from __future__ import annotations

import base64
import time
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from app.adapters.llm.memory import ScriptedModel
from app.core.failures import CAUSES
from app.core.lifecycle import Status, Turn
from app.errors import llm_failed
from app.web import openapi_letters as shapes
from app.wire import WireGate
from models.questions import DeadLetter, Question
from tests.flow.engine import make_ports, poll, question
from tests.web.client import Api, serving

WHY = {"cause": ["unauthorized"]}


class Key:
    """A model whose key is refused until it is mended."""

    def __init__(self) -> None:
        self.good = False
        self.asked = 0

    def model(self) -> ScriptedModel:
        def answer(_: Any) -> str:
            self.asked += 1
            if not self.good:
                raise llm_failed(CAUSES["unauthorized"], "401", status=401)
            return "An answer"

        return ScriptedModel(answer)


def b64(value: bytes) -> str:
    return base64.b64encode(value).decode()


async def dead_questions(api: Api, count: int) -> list[Question]:
    asked = [question(f"Question {n}?", question_id=f"q{n}") for n in range(count)]
    await api.engine.submit(*asked)
    rows = await api.engine.finals(*asked)
    assert {row.status for row in rows} == {Status.DEAD}
    return asked


async def redrive(api: Api, **body: Any) -> dict[str, Any]:
    status, row = await api.call("POST", "/dead-letters/redrive", json=body)
    assert status == 200, row
    return dict(row)


async def letters(api: Api, query: str = "") -> list[dict[str, Any]]:
    status, page = await api.get(f"/dead-letters?{query}")
    assert status == 200, page
    return list(page["letters"])


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
        await poll(lambda: _in_round(api, "q0", 1))
        plan = await redrive(api, filter=WHY)
        msgspec.convert(plan, shapes.RedrivePlan)
        assert (plan["planned"], plan["as_question"], plan["examined"]) == (2, 2, 3)
        assert plan["by_cause"] == {"unauthorized": 2}
        assert [(each["why"], each["letters"]) for each in plan["refusals"]] == [("newer_round", 1)]
        assert {row["state"] for row in await letters(api, "state=all")} == {"open"}
        assert (await api.get("/redrives"))[1] == {"redrives": []}


async def _in_round(api: Api, question_id: str, round_: int) -> bool:
    row = await api.engine.ports.store.question(question_id)
    return row is not None and row.turn.round == round_ and row.status.final


async def test_redriving_the_same_letters_twice_asks_each_question_once_more() -> None:
    key = Key()
    async with serving(make_ports(model=key.model())) as api:
        asked = await dead_questions(api, 20)
        key.good = True
        first = await redrive(api, filter=WHY, dry_run=False, by="ada")
        msgspec.convert(first, shapes.RedriveBatch)
        assert (first["sent"], first["refused"], first["failed"]) == (20, 0, 0)
        second = await redrive(api, filter=WHY, dry_run=False)
        assert (second["sent"], second["letters"]) == (0, [])
        names = {"letters": [{"origin": row["origin"]} for row in first["letters"]]}
        third = await redrive(api, **names, dry_run=False)
        assert (third["sent"], third["refused"]) == (0, 20)
        rows = await api.engine.finals(*asked)
        await api.engine.idle()
        assert {(row.status, row.turn.round) for row in rows} == {(Status.VALIDATED, 1)}
        assert key.asked == 40
        newest_first = (await api.get("/redrives"))[1]["redrives"]
        msgspec.convert({"redrives": newest_first}, shapes.Redrives)
        assert [row["sent"] for row in newest_first] == [0, 0, 20]
        assert newest_first[-1]["by"] == "ada"
        assert newest_first[-1]["filter"] == {**WHY, "state": "open"}
        [row] = await letters(api, "state=redriven&question_id=q7")
        assert (row["became_round"], row["redrive_id"]) == (1, first["redrive_id"])


async def test_a_second_death_is_a_new_letter_and_no_loop() -> None:
    key = Key()
    async with serving(make_ports(model=key.model())) as api:
        [asked] = await dead_questions(api, 1)
        await redrive(api, filter=WHY, dry_run=False)
        await poll(lambda: _in_round(api, asked.question_id, 1))
        await api.engine.idle()
        found = await letters(api, "state=all&order=oldest")
        assert [(row["round"], row["state"]) for row in found] == [(0, "redriven"), (1, "open")]
        assert key.asked == 2


async def test_a_message_that_was_kept_in_hand_is_sent_again_and_dropped_as_a_repeat() -> None:
    """Killed after sending and before marking: the next redrive sends the same (id, round)."""
    key = Key()
    async with serving(make_ports(model=key.model())) as api:
        [asked] = await dead_questions(api, 1)
        key.good = True
        await redrive(api, filter=WHY, dry_run=False)
        await poll(lambda: _in_round(api, asked.question_id, 1))
        store: Any = api.engine.ports.store
        [(origin, letter)] = store._dead_letters.items()
        mark = replace(letter.mark, claimed_at=time.time() - 100, sent_at=None)
        store._dead_letters[origin] = replace(letter, mark=mark)
        again = await redrive(api, filter=WHY, dry_run=False)
        assert (again["sent"], again["arrived"]) == (0, 1)
        await api.engine.idle()
        assert key.asked == 2


async def test_rejected_bytes_go_back_to_their_topic_and_are_dead_again_if_still_bad() -> None:
    async with serving() as api:
        topic = api.engine.names.questions_pending
        await api.engine.send_raw(topic, b"k", b"not json")
        await poll(lambda: _count(api, 1))
        done = await redrive(api, filter={"cause": ["rejected"]}, dry_run=False)
        assert done["sent"] == 1
        await poll(lambda: _count(api, 2))
        await api.engine.idle()
        assert [m.value for m in api.engine.messages(topic)] == [b"not json", b"not json"]
        states = [row["state"] for row in await letters(api, "state=all&order=oldest")]
        assert states == ["redriven", "open"]


async def _count(api: Api, count: int) -> bool:
    return len(await letters(api, "state=all")) >= count


async def test_a_refused_rating_goes_back_mended_to_the_topic_of_ratings() -> None:
    async with serving() as api:
        log = api.engine.log
        log.create_topic("ratings", 6)
        bad, good = (
            b'{"userId":7,"movieId":1,"rating":%s,"timestamp":1}' % r for r in (b"9", b"5")
        )
        letter = {
            "origin_topic": "ratings",
            "origin_partition": 2,
            "origin_offset": 0,
            "cause": "rating_rating",
            "detail": "rating 9 is not one of 0.5, 1.0, ... 5.0",
            "first_seen_at": time.time(),
            "dead_at": time.time(),
            "key": b"7",
            "value": bad,
        }
        value = WireGate(DeadLetter).encode_fields(letter)
        await api.engine.send_raw(api.engine.names.dead_letters, b"ratings/2/0", value)
        await poll(lambda: _count(api, 1))
        plan = await redrive(api, filter={"cause": ["rating_rating"]})
        assert (plan["planned"], plan["as_bytes"], plan["by_topic"]) == (1, 1, {"ratings": 1})
        body = {"origin": "ratings/2/0", "value": b64(good)}
        done = await redrive(api, letters=[body], dry_run=False, transform="mend.py:f")
        assert done["sent"] == 1
        [sent] = api.engine.messages("ratings")
        assert (sent.key, sent.value) == (b"7", good)
        assert sent.partition == log.partition_for("ratings", b"7")


async def test_mended_bytes_become_a_question() -> None:
    async with serving() as api:
        topic = api.engine.names.questions_pending
        good = question("Mended?", question_id="m1")
        await api.engine.send_raw(topic, b"other", WireGate(Question).encode(good))
        await poll(lambda: _count(api, 1))
        [row] = await letters(api, "bytes=true")
        body = {"origin": row["origin"], "value": row["value_base64"], "key": b64(b"m1")}
        done = await redrive(api, letters=[body], dry_run=False, transform="mend.py:f")
        assert done["sent"] == 1
        assert (await api.engine.final("m1")).status is Status.VALIDATED


async def test_a_mended_question_stays_the_same_question() -> None:
    key = Key()
    async with serving(make_ports(model=key.model())) as api:
        await dead_questions(api, 2)
        key.good = True
        rows = await letters(api, "bytes=true&order=oldest")
        gate = WireGate(Question)
        bodies = []
        for row in rows:
            record = gate.decode(base64.b64decode(row["redrive"]["value_base64"]))
            changes = {"question_text": "Shorter?"} if not bodies else {"round": 7}
            value = gate.encode(record.derive(**changes))
            bodies.append({"origin": row["origin"], "value": b64(value)})
        done = await redrive(api, letters=bodies, dry_run=False)
        assert [each["outcome"] for each in done["letters"]] == ["failed", "sent"]
        assert "round must stay 1" in done["letters"][0]["reason"]
        row = await api.engine.final(rows[0]["question_id"])
        assert (row.question_text, row.status) == ("Shorter?", Status.VALIDATED)


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
    ("body", "field"),
    [
        ({}, "filter"),
        ({"filter": {}, "letters": []}, "filter"),
        ({"filter": {"cuase": ["x"]}}, "filter"),
        ({"filter": {"since": "yesterday"}}, "filter.since"),
        ({"filter": {"attempts_at_least": -1}}, "filter.attempts_at_least"),
        ({"filter": {}, "limit": 501}, "limit"),
        ({"filter": {}, "dry_run": "no"}, "dry_run"),
        ({"filter": {}, "cursor": "x", "dry_run": False}, "cursor"),
        ({"letters": []}, "letters"),
        ({"letters": [{"origin": "x"}]}, "letters[0].origin"),
        ({"letters": [{"origin": "a/0/1", "value": "%"}]}, "letters[0].value"),
        ({"letters": [{"origin": "a/0/1", "key": "aaaa"}]}, "letters.key"),
    ],
)
async def test_a_bad_redrive_is_refused_with_the_field(body: Any, field: str) -> None:
    async with serving() as api:
        status, reply = await api.call("POST", "/dead-letters/redrive", json=body)
    assert (status, reply["error"].get("field")) == (422, field), reply


async def test_a_redrive_that_nobody_began_does_not_go_on() -> None:
    async with serving() as api:
        body = {"filter": {}, "redrive_id": 99, "dry_run": False}
        status, reply = await api.call("POST", "/dead-letters/redrive", json=body)
    assert (status, reply["error"]["message"]) == (404, "there is no redrive 99")


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
