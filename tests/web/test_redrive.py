"""Redriving dead letters over HTTP: each asked once more, mended bytes, no loop."""

from __future__ import annotations

import base64
import time
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from app.core.lifecycle import Status
from app.web import openapi_letters as shapes
from app.wire import WireGate
from models.questions import DeadLetter, Question
from tests.flow.engine import make_ports, poll, question
from tests.web.client import Api, serving
from tests.web.letters import WHY, Key, b64, dead_questions, in_round, letters, redrive


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
        await poll(lambda: in_round(api, asked.question_id, 1))
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
        await poll(lambda: in_round(api, asked.question_id, 1))
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
