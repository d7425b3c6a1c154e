"""Every status and error of a model server is its named cause, on both protocols (L2-L4)."""

from __future__ import annotations

import asyncio
import time
from email.utils import formatdate

import pytest

from app.core.failures import CAUSES
from app.core.retry import parse_retry_after
from app.core.strategies import Prompt
from app.errors import LlmFailed
from app.fake_llm import FakeModelServer, Step
from tests.adapters.llm.wire import QUESTION, Wire, open_ollama, open_openai


@pytest.mark.parametrize(
    ("status", "cause"),
    [
        (400, "bad_request"),
        (401, "unauthorized"),
        (402, "client_error"),
        (403, "forbidden"),
        (404, "model_not_found"),
        (408, "request_timeout"),
        (409, "client_error"),
        (413, "request_too_large"),
        (418, "client_error"),
        (422, "unprocessable"),
        (429, "rate_limited"),
        (500, "server_error"),
        (502, "bad_gateway"),
        (503, "overloaded"),
        (504, "gateway_timeout"),
        (529, "server_error"),
    ],
)
async def test_a_status_is_one_call_and_its_cause(wire: Wire, status: int, cause: str) -> None:
    failure = await wire.outcome(Step(status=status))
    assert (failure.cause, failure.status) == (CAUSES[cause], status)
    assert wire.server.counts() == {QUESTION: 1}


@pytest.mark.parametrize("code", ["insufficient_quota", "context_length_exceeded"])
async def test_a_structured_code_says_more_than_the_status(code: str) -> None:
    async with FakeModelServer() as server:
        wire = Wire("openai", server, open_openai)
        failure = await wire.outcome(Step(status=429, code=code))
    expected = {"context_length_exceeded": "context_exceeded"}.get(code, code)
    assert failure.cause is CAUSES[expected]
    assert len(server.calls) == 1


async def test_the_type_of_an_error_counts_where_its_code_says_nothing(wire: Wire) -> None:
    body = '{"error": {"code": 400, "message": "long", "type": "exceed_context_size_error"}}'
    failure = await wire.outcome(Step(status=400, body=body))
    assert failure.cause is CAUSES["context_exceeded"]


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("2", 2.0),
        ("30", 30.0),
        ("soon", None),
        ("-1", None),
        ("1000000000", parse_retry_after("1000000000", 0.0)),
        ("nan", None),
        ("", None),
        (None, None),
    ],
)
async def test_retry_after_is_carried(
    wire: Wire, header: str | None, seconds: float | None
) -> None:
    headers = {} if header is None else {"Retry-After": header}
    failure = await wire.outcome(Step(status=429, headers=headers))
    assert failure.retry_after_seconds == seconds


async def test_retry_after_may_be_a_date(wire: Wire) -> None:
    headers = {"Retry-After": formatdate(time.time() + 90, usegmt=True)}
    failure = await wire.outcome(Step(status=503, headers=headers))
    assert failure.retry_after_seconds == pytest.approx(90, abs=3)


async def test_retry_after_belongs_to_the_call_that_got_it(wire: Wire) -> None:
    for seconds in range(1, 9):
        wire.server.script[f"question {seconds}"].append(
            Step(status=429, headers={"Retry-After": str(seconds)}, latency=0.01 * (9 - seconds))
        )
    model = wire.open_at(wire.server.host, 10.0)

    async def asked(seconds: int) -> float | None:
        with pytest.raises(LlmFailed) as caught:
            await model.answer(Prompt("", f"question {seconds}", 0.0, 1))
        return caught.value.retry_after_seconds

    found = await asyncio.gather(*(asked(seconds) for seconds in range(1, 9)))
    await model.close()
    assert found == [float(seconds) for seconds in range(1, 9)]


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        ('{"error": "unexpected EOF"}', "server_error"),
        ('{"error": {"message": "slow down", "code": 429}}', "rate_limited"),
        ('{"error": {"message": "no credit", "code": "insufficient_quota"}}', "insufficient_quota"),
        ('{"error": {"message": "odd", "code": 7}}', "server_error"),
    ],
)
async def test_200_with_an_error_object_is_that_error(wire: Wire, body: str, cause: str) -> None:
    failure = await wire.outcome(Step(body=body))
    assert failure.cause is CAUSES[cause]


async def test_ollama_that_only_loads_the_model_is_loading() -> None:
    async with FakeModelServer() as server:
        wire = Wire("ollama", server, open_ollama)
        failure = await wire.outcome(Step(text="", done_reason="load"))
    assert failure.cause is CAUSES["model_loading"]


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_not_followed(wire: Wire, status: int) -> None:
    async with FakeModelServer() as other:
        headers = {"Location": f"{other.url}/api/chat"}
        failure = await wire.outcome(Step(status=status, headers=headers))
        assert failure.cause is CAUSES["redirected"]
        assert other.calls == []
