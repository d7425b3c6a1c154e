"""The running server: time, capacity, control over HTTP, what it writes down of calls."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from app.fake_llm import FakeModelServer, Limits, Phase, Script, Step, read_calls

Json = dict[str, Any]


class Caller:
    """Speaks plain HTTP to a server, with a key of its own for every call's status."""

    def __init__(self, server: FakeModelServer, session: aiohttp.ClientSession) -> None:
        self.server = server
        self.session = session

    async def ask(self, question: str = "Why?", seed: int = 1) -> tuple[int, Json]:
        message = {"role": "user", "content": question}
        body = {"model": "smol", "messages": [message], "stream": False, "options": {"seed": seed}}
        async with self.session.post(f"{self.server.url}/api/chat", json=body) as response:
            return response.status, await response.json()

    async def send(self, method: str, path: str, text: str = "") -> tuple[int, Json]:
        url = f"{self.server.control_url}{path}"
        async with self.session.request(method, url, data=text) as response:
            return response.status, await response.json()


@pytest.fixture
async def caller() -> AsyncIterator[Caller]:
    async with FakeModelServer() as server, aiohttp.ClientSession() as session:
        yield Caller(server, session)


async def until(condition: Any, seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not await condition() if asyncio.iscoroutinefunction(condition) else not condition():
        assert time.monotonic() < end, "not in time"
        await asyncio.sleep(0.005)


async def test_a_phase_begins_and_ends_with_its_time(caller: Caller) -> None:
    caller.server.run_script(Script((Phase(0.0, 0.3, steps=(Step(fault="overloaded"),)),)))
    began = time.monotonic()
    assert (await caller.ask())[0] == 503

    async def answered() -> bool:
        return (await caller.ask())[0] == 200

    await until(answered)
    assert time.monotonic() - began >= 0.29


async def test_steps_come_before_phases_and_the_default_after(caller: Caller) -> None:
    script = """{"phases": [{"from": 0, "fault": "overloaded", "share": 1}],
      "questions": {"Who?": [{"text": "Me."}]}, "default": {"status": 401}}"""
    assert await caller.send("PUT", "/_fake/script", script) == (
        200,
        {"phases": 1, "questions": 1},
    )
    assert [(await caller.ask(q))[0] for q in ("Who?", "Who?", "Why?")] == [200, 503, 503]
    await caller.send("PUT", "/_fake/script", '{"default": {"status": 401}}')
    assert (await caller.ask())[0] == 401
    await caller.send("PUT", "/_fake/default", "{}")
    assert (await caller.ask())[0] == 200


async def test_the_same_seed_draws_the_same_whatever_the_order() -> None:
    async def run(questions: list[str]) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        async with FakeModelServer(seed=5) as server, aiohttp.ClientSession() as session:
            server.run_script(Script((Phase(0, share=0.5, steps=(Step(status=500),)),)))
            for question in questions:
                status, _ = await Caller(server, session).ask(question)
                found.setdefault(question, []).append(status)
        return found

    questions = [f"Question {n % 20}?" for n in range(60)]
    first = await run(questions)
    assert first == await run(sorted(questions))
    assert {status for statuses in first.values() for status in statuses} == {200, 500}


async def test_the_port_closes_and_opens_by_the_script(tmp_path: Path) -> None:
    server = FakeModelServer(latency=0.1, calls_file=tmp_path / "calls.jsonl")
    await server.start(control_port=0)
    async with aiohttp.ClientSession() as session:
        caller = Caller(server, session)
        port = server.port
        asking = asyncio.create_task(caller.ask("In flight?"))
        await until(lambda: server.in_flight == 1)
        await caller.send("PUT", "/_fake/script", '[{"from": 0, "to": 0.4, "fault": "refused"}]')
        with pytest.raises(aiohttp.ClientConnectionError):
            await asking
        with pytest.raises(aiohttp.ClientConnectorError):
            await caller.ask()
        assert (await caller.send("GET", "/_fake/stats"))[1]["port"] == "refused"
        await until(lambda: server.phases.port_at(server.script_seconds) is None)

        async def open_again() -> bool:
            try:
                return (await caller.ask())[0] == 200
            except aiohttp.ClientConnectorError:
                return False

        await until(open_again)
        assert server.port == port
    await server.stop()
    assert read_calls(tmp_path / "calls.jsonl")[0].outcome == "broken"


async def test_a_loaded_server_lets_wait_and_a_shedding_one_says_503(caller: Caller) -> None:
    caller.server.limits = Limits(slots=2)
    caller.server.default = Step(text="x", latency=0.1)
    began = time.monotonic()
    answers = await asyncio.gather(*(caller.ask(f"{n}?") for n in range(6)))
    assert [status for status, _ in answers] == [200] * 6
    assert time.monotonic() - began >= 0.29
    caller.server.limits = Limits(slots=2, queue=1)
    answers = await asyncio.gather(*(caller.ask(f"{n}?") for n in range(6)))
    assert sorted(status for status, _ in answers) == [200] * 3 + [503] * 3
    shed = next(body for status, body in answers if status == 503)
    assert shed == {"error": "server busy, please try again.  maximum pending requests exceeded"}


async def test_a_caller_that_goes_is_written_down_and_frees_its_slot(caller: Caller) -> None:
    server = caller.server
    server.limits = Limits(slots=1)
    server.script["First?"] = [Step(text="x", latency=30)]
    server.script["Second?"] = [Step(text="y")]
    first = asyncio.create_task(caller.ask("First?"))
    await until(lambda: server.in_flight == 1)
    second = asyncio.create_task(caller.ask("Second?"))
    await until(lambda: server.waiting == 1)
    first.cancel()
    assert (await asyncio.wait_for(second, 5))[0] == 200
    await until(lambda: server.in_flight == 0)
    assert [call.outcome for call in server.calls] == ["left", "answered"]


async def test_slow_is_ten_times_the_latency() -> None:
    async with FakeModelServer(latency=0.03) as server, aiohttp.ClientSession() as session:
        server.default = Step(fault="slow")
        began = time.monotonic()
        assert (await Caller(server, session).ask())[0] == 200
        assert 0.29 <= time.monotonic() - began < 3


async def test_stats_and_calls_say_what_happened(caller: Caller) -> None:
    caller.server.script["Why?"] = [Step(fault="rate_limited_2"), Step(text="So.")]
    await caller.ask("Why?")
    await caller.ask("Be brief.\n\nWhy?")
    await caller.ask("Who?")
    status, stats = await caller.send("GET", "/_fake/stats")
    assert status == 200
    assert (stats["calls"], stats["questions"], stats["repeated"]) == (3, 2, 1)
    assert stats["outcomes"] == {"failed": 1, "answered": 2}
    assert stats["statuses"] == {"200": 2, "429": 1}
    assert stats["modes"] == {"rate_limited_2": 1}
    _, page = await caller.send("GET", "/_fake/calls?since=1")
    assert page["next"] == 3
    assert [call["question"] for call in page["calls"]] == ["Why?", "Who?"]
    assert await caller.send("POST", "/_fake/reset") == (200, {})
    assert (await caller.send("GET", "/_fake/stats"))[1]["calls"] == 0
    assert (await caller.ask("Why?"))[0] == 200


@pytest.mark.parametrize(
    ("method", "path", "text", "field"),
    [
        ("PUT", "/_fake/script", '[{"fault": "nope"}]', "phases[0].fault"),
        ("PUT", "/_fake/script", "[{]", None),
        ("PUT", "/_fake/default", '{"statsu": 503}', "statsu"),
        ("PUT", "/_fake/default", '{"fault": "refused"}', "fault"),
        ("GET", "/_fake/calls?since=-1", "", "since"),
    ],
)
async def test_bad_input_is_refused_naming_the_field_and_changes_nothing(
    caller: Caller, method: str, path: str, text: str, field: str | None
) -> None:
    await caller.send("PUT", "/_fake/script", '[{"from": 0, "fault": "overloaded"}]')
    status, body = await caller.send(method, path, text)
    assert status == 422
    assert (body["error"]["code"], body["error"]["field"]) == ("invalid", field)
    assert (await caller.ask())[0] == 503


async def test_a_request_that_is_no_chat_is_a_400_and_no_call(caller: Caller) -> None:
    for body in ("", "7", "{}", '{"model": "m"}', '{"model": "m", "messages": 5}'):
        url = f"{caller.server.url}/api/chat"
        async with caller.session.post(url, data=body) as response:
            assert response.status == 400
    assert caller.server.calls == []


async def test_it_speaks_only_the_protocols_that_it_should() -> None:
    async with (
        FakeModelServer(protocols=["openai"]) as server,
        aiohttp.ClientSession() as session,
    ):
        async with session.get(f"{server.url}/api/tags") as response:
            assert response.status == 404
        async with session.get(f"{server.url}/v1/models") as response:
            assert (await response.json())["data"][0]["id"] == "smol:latest"
