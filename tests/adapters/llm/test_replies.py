"""Replies of model servers: what is an answer, what is malformed, and how much of one is read."""

from __future__ import annotations

import gzip
import tracemalloc

import pytest

from app.adapters.llm.text import TEXT_LIMIT
from app.core.failures import CAUSES
from app.fake_llm import FakeModelServer, Step, answer_body
from app.fake_llm.faults import bomb
from tests.adapters.llm.wire import Wire, open_ollama


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


async def test_ollama_that_is_not_done_is_malformed() -> None:
    body = answer_body("ollama", "smol", "Par").replace(b'"done":true', b'"done":false')
    async with FakeModelServer() as server:
        failure = await Wire("ollama", server, open_ollama).outcome(Step(body=body))
    assert failure.cause is CAUSES["malformed_reply"]


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
