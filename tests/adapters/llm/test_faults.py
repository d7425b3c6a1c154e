"""Every fault of a model server ends as its named cause, on both protocols (RELIABILITY L2-L4)."""

from __future__ import annotations

import asyncio
import gzip
import time
import tracemalloc
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from email.utils import formatdate

import pytest

from app.adapters.llm.ollama import OllamaModel
from app.adapters.llm.openai import OpenAiModel
from app.adapters.llm.text import TEXT_LIMIT
from app.core.failures import CAUSES
from app.core.retry import parse_retry_after
from app.core.strategies import Prompt, prompt_for
from app.errors import LlmFailed, UnavailableError
from app.fake_llm import FakeModelServer, Step, answer_body, free_port, unaccepting_port
from app.fake_llm.faults import bomb
from app.ports import LanguageModel

KEY = "canary-key-1234"
QUESTION = "Why?"
PROTOCOLS = ("ollama", "openai")


@dataclass
class Wire:
    """One protocol: a fake server, and how to open a model on a host of that protocol."""

    protocol: str
    server: FakeModelServer
    open_at: Callable[[str, float], LanguageModel]

    async def outcome(self, step: Step, timeout_seconds: float = 10.0) -> LlmFailed:
        """Return how a call ends that gets `step`."""
        self.server.script[QUESTION].append(step)
        return await self.failure(self.server.host, timeout_seconds)

    async def failure(self, host: str, timeout_seconds: float = 10.0) -> LlmFailed:
        model = self.open_at(host, timeout_seconds)
        try:
            with pytest.raises(LlmFailed) as caught:
                await model.answer(prompt_for(QUESTION, 1))
        finally:
            await model.close()
        assert KEY not in f"{caught.value} {caught.value!r} {caught.value.__cause__!r}"
        assert caught.value.__context__ is None or caught.value.__suppress_context__
        return caught.value

    async def answer(self, step: Step) -> str:
        self.server.script[QUESTION].append(step)
        model = self.open_at(self.server.host, 10.0)
        try:
            return (await model.answer(prompt_for(QUESTION, 1))).text
        finally:
            await model.close()


def _open_ollama(host: str, timeout_seconds: float) -> LanguageModel:
    return OllamaModel(host, "smol", timeout_seconds, api_key=KEY)


def _open_openai(host: str, timeout_seconds: float) -> LanguageModel:
    return OpenAiModel(f"http://{host}/v1", "smol", KEY, timeout_seconds)


@pytest.fixture(params=PROTOCOLS)
async def wire(request: pytest.FixtureRequest) -> AsyncIterator[Wire]:
    opener = _open_ollama if request.param == "ollama" else _open_openai
    async with FakeModelServer() as server:
        yield Wire(request.param, server, opener)


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
        wire = Wire("openai", server, _open_openai)
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
    ("fault", "cause"),
    [
        ("no_reply", "connection_lost"),
        ("half_close", "connection_lost"),
        ("reset", "connection_lost"),
        ("short_body", "connection_lost"),
        ("gzip_bomb", "reply_too_large"),
        ("huge_body", "reply_too_large"),
        ("huge_chunked", "reply_too_large"),
        ("endless_header", "malformed_reply"),
        ("not_http", "malformed_reply"),
    ],
)
async def test_a_broken_connection_ends_as_tabled(wire: Wire, fault: str, cause: str) -> None:
    failure = await wire.outcome(Step(fault=fault))
    assert failure.cause is CAUSES[cause]
    assert await wire.answer(Step(text="still here")) == "still here"


@pytest.mark.parametrize("fault", ["hang", "drip"])
async def test_a_call_ends_with_its_time(wire: Wire, fault: str) -> None:
    started = time.monotonic()
    failure = await wire.outcome(Step(fault=fault), timeout_seconds=0.4)
    assert failure.cause is CAUSES["timeout"]
    assert time.monotonic() - started < 3


async def test_a_connection_that_is_not_accepted_ends_with_its_time(wire: Wire) -> None:
    with unaccepting_port() as port:
        failure = await wire.failure(f"127.0.0.1:{port}", 0.4)
    assert failure.cause is CAUSES["timeout"]


async def test_nobody_listening_is_refused(wire: Wire) -> None:
    with free_port() as port:
        failure = await wire.failure(f"127.0.0.1:{port}")
        assert failure.cause is CAUSES["refused"]
        model = wire.open_at(f"127.0.0.1:{port}", 5.0)
        with pytest.raises(UnavailableError, match="refused"):
            await model.check()
        await model.close()


async def test_a_name_that_does_not_resolve_is_refused(wire: Wire) -> None:
    failure = await wire.failure("no-such-host.invalid:80")
    assert failure.cause is CAUSES["refused"]


def _malformed() -> list[tuple[str, bytes]]:
    return [
        ("empty", b""),
        ("not_json", b"<html>busy</html>"),
        ("cut", b'{"message": {"content": "Pa'),
        ("bad_utf8", b'{"message": {"content": "\xff\xfe"}, "choices": [{"message": "\xff"}]}'),
        ("null", b"null"),
        ("array", b"[]"),
        ("number", b"7"),
        ("text", b'"text"'),
        ("no_fields", b"{}"),
        ("wrong_message", b'{"message": 5, "choices": [{"message": 5}], "done": true}'),
        (
            "wrong_content",
            b'{"message": {"role": "a", "content": {}}, "done": true,'
            b' "choices": [{"message": {"content": {}}}]}',
        ),
        ("nested", b"[" * 100_000),
        ("no_choices", b'{"choices": []}'),
        ("choice_of_null", b'{"choices": [null]}'),
    ]


@pytest.mark.parametrize("body", [pytest.param(body, id=name) for name, body in _malformed()])
async def test_a_reply_that_is_not_the_protocol_is_malformed(wire: Wire, body: bytes) -> None:
    failure = await wire.outcome(Step(body=body))
    assert (failure.cause, failure.status) == (CAUSES["malformed_reply"], 200)


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
        wire = Wire("ollama", server, _open_ollama)
        failure = await wire.outcome(Step(text="", done_reason="load"))
    assert failure.cause is CAUSES["model_loading"]


async def test_ollama_that_is_not_done_is_malformed() -> None:
    body = answer_body("ollama", "smol", "Par").replace(b'"done":true', b'"done":false')
    async with FakeModelServer() as server:
        failure = await Wire("ollama", server, _open_ollama).outcome(Step(body=body))
    assert failure.cause is CAUSES["malformed_reply"]


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_not_followed(wire: Wire, status: int) -> None:
    async with FakeModelServer() as other:
        headers = {"Location": f"{other.url}/api/chat"}
        failure = await wire.outcome(Step(status=status, headers=headers))
        assert failure.cause is CAUSES["redirected"]
        assert other.calls == []


async def test_an_empty_answer_is_an_answer(wire: Wire) -> None:
    assert await wire.answer(Step(text="")) == ""


async def test_nul_and_lone_surrogates_become_replacement_characters(wire: Wire) -> None:
    body = answer_body(wire.protocol, "smol", "MARK")
    body = body.replace(b"MARK", rb"a\u0000b\ud800c\ude00d \ud83d\ude00")
    assert await wire.answer(Step(body=body)) == "a\ufffdb\ufffdc\ufffdd \U0001f600"


async def test_a_long_answer_is_cut(wire: Wire) -> None:
    text = await wire.answer(Step(text="x" * (TEXT_LIMIT + 5)))
    assert len(text) == TEXT_LIMIT


async def test_a_packed_reply_is_unpacked(wire: Wire) -> None:
    packed = gzip.compress(answer_body(wire.protocol, "smol", "packed"))
    step = Step(body=packed, headers={"Content-Encoding": "gzip"})
    assert await wire.answer(step) == "packed"


@pytest.mark.parametrize("encoding", ["br", "gzip"])
async def test_a_reply_packed_otherwise_is_malformed(wire: Wire, encoding: str) -> None:
    step = Step(body=b"{}", headers={"Content-Encoding": encoding})
    assert (await wire.outcome(step)).cause is CAUSES["malformed_reply"]


@pytest.mark.parametrize("fault", ["gzip_bomb", "huge_body", "huge_chunked"])
async def test_a_reply_without_end_takes_little_memory(wire: Wire, fault: str) -> None:
    bomb()
    tracemalloc.start()
    try:
        failure = await wire.outcome(Step(fault=fault))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert failure.cause is CAUSES["reply_too_large"]
    assert peak < 20 * 1024 * 1024


async def _until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.005)


async def test_a_cancelled_call_is_cancelled_and_lets_go_of_the_connection(wire: Wire) -> None:
    wire.server.script[QUESTION].append(Step(fault="hang"))
    model = wire.open_at(wire.server.host, 30.0)
    call = asyncio.create_task(model.answer(prompt_for(QUESTION, 1)))
    async with asyncio.timeout(10):
        await _until(lambda: wire.server.in_flight == 1)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await _until(lambda: wire.server.in_flight == 0)
    await model.close()


async def test_the_request_says_what_the_prompt_says(wire: Wire) -> None:
    model = wire.open_at(wire.server.host, 10.0)
    await model.answer(Prompt("", QUESTION, 0.25, 77, 99))
    await model.answer(Prompt("Be brief.", QUESTION, 0.5, 78, 98))
    await model.close()
    first, second = wire.server.calls
    assert (first.temperature, first.seed, first.max_tokens) == (0.25, 77, 99)
    assert first.system == (None if wire.protocol == "ollama" else "")
    assert second.system == "Be brief."
    assert first.authorization == f"Bearer {KEY}"


async def test_keys_in_the_environment_are_not_sent(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OLLAMA_API_KEY", "stray")
    monkeypatch.setenv("OPENAI_API_KEY", "stray")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    model: LanguageModel
    if wire.protocol == "ollama":
        model = OllamaModel(wire.server.host, "smol", 10.0)
    else:
        model = OpenAiModel(f"{wire.server.url}/v1", "smol", "", 10.0)
    await model.answer(prompt_for(QUESTION, 1))
    await model.close()
    assert wire.server.calls[0].authorization is None


async def test_a_server_that_repeats_the_key_does_not_get_it_into_the_error(wire: Wire) -> None:
    failure = await wire.outcome(
        Step(status=401, body=f'{{"error": {{"message": "bad key {KEY}\\u001b[2J"}}}}')
    )
    assert "***" in failure.detail
    assert "\x1b" not in failure.detail


async def test_check_misses_a_model_that_the_server_does_not_have(wire: Wire) -> None:
    wire.server.models = ["other:latest"]
    model = wire.open_at(wire.server.host, 10.0)
    with pytest.raises(UnavailableError, match="smol"):
        await model.check()
    await model.close()
