"""Questions that are not taken: bad bodies and parameters, a log that is away, a full backlog."""

from __future__ import annotations

import asyncio
import time

import pytest

from app.adapters.llm.memory import ScriptedModel
from app.core.identity import question_id
from app.core.lifecycle import Status
from app.intake import intake
from app.web.bodies import MAX_BODY_BYTES
from tests.flow.engine import make_ports, poll, question
from tests.flow.faulty import FaultyStore
from tests.web.client import Api, serving

ASK = {"question_text": "Why?", "original_answer": "An answer", "metadata": {"a": [1]}}


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
