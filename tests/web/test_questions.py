"""`POST /query`, `GET /questions/{id}` and `GET /questions`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from uuid import UUID

import pytest

from app import intake
from app.adapters.llm.memory import ScriptedModel
from app.core.failures import CAUSES
from app.core.identity import idempotent_id, question_id
from app.core.lifecycle import Status
from app.errors import llm_failed
from app.ports import Accepted
from app.web.bodies import MAX_BODY_BYTES
from tests.core.test_questions import FIELDS
from tests.flow.engine import make_ports, poll, question
from tests.flow.faulty import FaultyStore, NoCache
from tests.web.client import Api, serving

ASK = {"question_text": "Why?", "original_answer": "An answer", "metadata": {"a": [1]}}
BAD = llm_failed(CAUSES["bad_request"], "no", status=400)


async def test_a_question_is_accepted_and_found_under_its_id() -> None:
    async with serving() as api:
        status, body = await api.query(ASK)
        assert (status, body["status"]) == (202, "accepted")
        assert body["question_id"] == question_id("Why?", "An answer", "scripted")
        assert set(body) == {"question_id", "status"}
        await api.engine.final(body["question_id"])
        status, row = await api.get(f"/questions/{body['question_id']}")
    assert status == 200
    assert list(row) == FIELDS
    assert (row["status"], row["answer"], row["f1"]) == ("validated", "An answer", 1.0)
    assert row["metadata"] == {"a": [1]}
    assert len(row["attempts"]) == 1


async def test_waiting_returns_the_end() -> None:
    async with serving() as api:
        status, row = await api.query(ASK, wait=30)
    assert (status, row["status"]) == (200, "validated")


async def test_waiting_in_vain_returns_the_state_so_far() -> None:
    async with serving(make_ports(model=ScriptedModel(seconds=3.0))) as api:
        started = time.monotonic()
        status, body = await api.query(ASK, wait=0.5)
        assert 0.5 <= time.monotonic() - started < 2.9
    assert (status, body["status"]) == (202, "asking")


async def test_who_waited_in_vain_finds_the_question_though_no_stage_came_to_it() -> None:
    class LateStage(FaultyStore):
        """Takes what the stage stores first only when it is let go."""

        def __init__(self) -> None:
            super().__init__()
            self.go, self.accepted = asyncio.Event(), 0

        async def accept(self, questions: Sequence[Accepted]) -> set[str]:
            self.accepted += 1
            if self.accepted == 1:
                await self.go.wait()
            return await self.inner.accept(questions)

    store = LateStage()
    async with serving(make_ports(store=store)) as api:
        status, body = await api.query(ASK, wait=0.3)
        assert (status, body["status"]) == (202, "accepted")
        status, row = await api.get(f"/questions/{body['question_id']}")
        assert (status, row["status"]) == (200, "accepted")
        store.go.set()
        await api.engine.final(body["question_id"])


async def test_what_was_answered_is_answered_from_the_cache() -> None:
    ports = make_ports()
    async with serving(ports) as api:
        await api.query(ASK, wait=30)
        await api.engine.idle()
        status, row = await api.query({**ASK, "question_text": "  Why? "})
        _, metrics = await api.get("/metrics")
    assert (status, row["status"], list(row)) == (200, "validated", FIELDS)
    assert len(ports.model.calls) == 1
    assert (metrics["cache_hits"], metrics["cache_misses"]) == (1, 1)


async def test_the_cache_is_asked_before_the_database() -> None:
    store = FaultyStore()
    async with serving(make_ports(store=store)) as api:
        await api.query(ASK, wait=30)
        await api.engine.idle()
        store.down = True
        status, row = await api.query(ASK)
        assert (status, row["status"]) == (200, "validated")
        status, again = await api.get(f"/questions/{row['question_id']}")
        assert (status, again) == (200, row)
        assert (await api.get("/questions/unknown"))[0] == 503


async def test_without_a_cache_the_database_answers() -> None:
    ports = make_ports(cache=NoCache())
    async with serving(ports) as api:
        await api.query(ASK, wait=30)
        status, row = await api.query(ASK)
    assert (status, row["status"], len(ports.model.calls)) == (200, "validated", 1)


@pytest.mark.parametrize("answer", ["wrong", "An answer"])
async def test_weak_and_unscored_answers_count_as_answered(answer: str) -> None:
    ports = make_ports(model=ScriptedModel(lambda prompt: answer))
    body = ASK if answer == "wrong" else {"question_text": "Why?"}
    async with serving(ports) as api:
        _, first = await api.query(body, wait=30)
        calls = len(ports.model.calls)
        status, second = await api.query(body)
    assert first["status"] == second["status"]
    assert first["status"] in {"low_quality", "unscored"}
    assert (status, len(ports.model.calls)) == (200, calls)


async def test_a_dead_question_is_asked_again_as_a_new_round() -> None:
    model = ScriptedModel(lambda prompt: "An answer", {"Why?": [BAD]})
    async with serving(make_ports(model=model)) as api:
        status, dead = await api.query(ASK, wait=30)
        assert (status, dead["status"], dead["cause"]) == (200, "dead", "bad_request")
        await api.engine.idle()
        status, row = await api.query(ASK, wait=30)
    assert (status, row["status"], row["round"]) == (200, "validated", 1)
    assert row["question_id"] == dead["question_id"]


async def test_fresh_asks_anew_under_a_new_id() -> None:
    ports = make_ports()
    async with serving(ports) as api:
        _, first = await api.query(ASK, wait=30)
        _, fresh = await api.query({**ASK, "fresh": True}, wait=30)
        _, fresher = await api.query({**ASK, "fresh": True}, wait=30)
    assert len({first["question_id"], fresh["question_id"], fresher["question_id"]}) == 3
    assert UUID(fresh["question_id"]).version == 7
    assert len(ports.model.calls) == 3


async def test_a_hundred_posts_with_one_key_are_one_question_one_row_and_one_call() -> None:
    ports = make_ports()
    async with serving(ports) as api:
        answers = await asyncio.gather(*(api.query(ASK, key="k1", wait=30) for _ in range(100)))
        await api.engine.idle()
    assert {status for status, _ in answers} == {200}
    assert {row["question_id"] for _, row in answers} == {idempotent_id("k1")}
    assert len(ports.model.calls) == 1
    assert await ports.store.counts() == {Status.VALIDATED: 1}


@pytest.mark.parametrize(
    "other",
    [
        {"question_text": "Who?"},
        {"original_answer": "Another"},
        {"original_answer": None},
        {"metadata": {"a": [2]}},
        {"metadata": {}},
    ],
)
async def test_a_key_that_comes_with_another_body_is_refused(other: dict[str, object]) -> None:
    async with serving() as api:
        assert (await api.query(ASK, key="k1", wait=30))[0] == 200
        status, body = await api.query({**ASK, **other}, key="k1")
        assert (await api.query(ASK, key="k1"))[0] == 200
    assert (status, body["error"]["field"]) == (422, "Idempotency-Key")


async def test_different_keys_are_different_questions() -> None:
    ports = make_ports()
    async with serving(ports) as api:
        ids = {(await api.query(ASK, key=key, wait=30))[1]["question_id"] for key in ("a", "b")}
    assert (len(ids), len(ports.model.calls)) == (2, 2)


@pytest.mark.parametrize(("key", "status"), [("x" * 255, 202), ("x" * 256, 422), ("", 422)])
async def test_a_key_has_1_to_255_characters(key: str, status: int) -> None:
    async with serving() as api:
        assert (await api.query(ASK, key=key))[0] == status


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


async def _refused(api: Api, data: bytes) -> tuple[int, str, str | None]:
    status, body = await api.raw(data)
    assert set(body) == {"error"}
    assert body["error"]["message"]
    return status, body["error"]["code"], body["error"].get("field")


async def test_bodies_that_are_not_json_are_400() -> None:
    bodies = [
        b"",
        b"hello",
        b'{"question_text": "Why?"',
        b'{"question_text": "\xff"}',
        b'{"question_text": "\\ud800"}',
        b'{"question_text": "\\udc00x"}',
        b'\xef\xbb\xbf{"question_text": "Why?"}',
        b'{"question_text": NaN}',
        b'{"question_text": "Why?", "metadata": ' + b'{"a":' * 10_000 + b"1" + b"}" * 10_000 + b"}",
    ]
    async with serving() as api:
        for data in bodies:
            assert (await _refused(api, data))[:2] == (400, "not_json"), data[:60]
        assert api.engine.messages(api.engine.names.questions_pending) == []


async def test_bodies_of_the_wrong_shape_are_422_and_name_the_field() -> None:
    text = b'"question_text": "Why?"'
    cases = {
        b"{}": "question_text",
        b'{"question_text": ""}': "question_text",
        b'{"question_text": " \\n\\t "}': "question_text",
        b'{"question_text": "a\\u0000b"}': "question_text",
        b'{"question_text": 7}': "question_text",
        b'{"question_text": null}': "question_text",
        b'{"question_text": "' + b"x" * 32_001 + b'"}': "question_text",
        b"{" + text + b', "surprise": 1}': "surprise",
        b"{" + text + b', "original_answer": 7}': "original_answer",
        b"{" + text + b', "original_answer": "\\u0000"}': "original_answer",
        b"{" + text + b', "original_answer": "' + b"x" * 32_001 + b'"}': "original_answer",
        b"{" + text + b', "metadata": []}': "metadata",
        b"{" + text + b', "metadata": {"a": "\\u0000"}}': "metadata",
        b"{" + text + b', "metadata": {"a": "' + b"x" * 33_000 + b'"}}': "metadata",
        b"{" + text + b', "metadata": ' + b'{"a":' * 40 + b"1" + b"}" * 41: "metadata",
        b"{" + text + b', "fresh": "yes"}': "fresh",
        b"[]": None,
        b"null": None,
        b"[" * 60_000: None,
    }
    async with serving() as api:
        for data, field in cases.items():
            assert await _refused(api, data) == (422, "invalid", field), data[:60]
        assert api.engine.messages(api.engine.names.questions_pending) == []


async def test_a_body_of_64_kib_is_read_and_one_byte_more_is_not() -> None:
    body = b'{"question_text": "Why?"}'
    async with serving() as api:
        assert (await api.raw(body.ljust(MAX_BODY_BYTES)))[0] == 202
        assert await _refused(api, body.ljust(MAX_BODY_BYTES + 1)) == (413, "too_large", None)


@pytest.mark.parametrize("wait", ["-1", "121", "nan", "inf", "soon", ""])
async def test_a_bad_wait_is_refused_and_nothing_is_asked(wait: str) -> None:
    async with serving() as api:
        status, body = await api.query(ASK, wait=wait)
        assert api.engine.messages(api.engine.names.questions_pending) == []
    assert (status, body["error"]["field"]) == (422, "wait")


@pytest.mark.alone
async def test_a_log_that_does_not_acknowledge_is_503_within_seconds_never_202(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(intake, "SEND_SECONDS", 0.3)
    async with serving() as api:
        log = api.engine.app.producer.transport.storage
        real = log.append
        monkeypatch.setattr(log, "append", lambda record: asyncio.Future())
        started = time.monotonic()
        async with api.client.post("/query", json=ASK) as response:
            body = await response.json()
            assert response.status == 503
            assert int(response.headers["Retry-After"]) > 0
        assert time.monotonic() - started < 3
        again = time.monotonic()
        async with api.client.post("/query", json=ASK) as response:
            assert response.status == 503
        assert time.monotonic() - again < 0.2, "the next client need not wait for it, too"
        monkeypatch.setattr(log, "append", real)

        async def taken() -> bool:
            return (await api.query({"question_text": "Who?"}))[0] == 202

        await poll(taken)
        unknown = question_id("Why?", "An answer", "scripted")
        assert (await api.get(f"/questions/{unknown}"))[0] == 404
    assert body["error"]["code"] == "unavailable"


async def test_with_the_database_away_intake_goes_on() -> None:
    store = FaultyStore()
    async with serving(make_ports(store=store)) as api:
        store.down = True
        status, body = await api.query(ASK)
        assert (status, body["status"]) == (202, "accepted")
        store.down = False
        assert (await api.engine.final(body["question_id"])).status is Status.VALIDATED


async def test_a_full_backlog_refuses_new_questions_until_it_is_lower() -> None:
    model = ScriptedModel(lambda prompt: "An answer", seconds=0.5)
    async with serving(make_ports(model=model), backlog_limit=3) as api:
        for n in range(3):
            await api.engine.submit(question(f"Question {n}?", question_id=f"q{n}"))
        for n in range(3):
            await api.engine.in_state(f"q{n}", "asking accepted")
        async with api.client.post("/query", json=ASK) as response:
            body = await response.json()
            assert response.status == 503
            assert int(response.headers["Retry-After"]) > 0
        assert body["error"]["code"] == "backlog_full"
        for n in range(3):
            await api.engine.final(f"q{n}")

        async def taken() -> bool:
            return (await api.query(ASK))[0] == 202

        await poll(taken, pause=0.1)
