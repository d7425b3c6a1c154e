"""`answerloop fake-llm` as a user starts it: URL first, totals at the end, a log that survives."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from app.adapters.llm.ollama import OllamaModel
from app.core.strategies import prompt_for
from app.errors import LlmFailed
from app.fake_llm import MODES, read_calls

Start = Callable[..., Awaitable[tuple[asyncio.subprocess.Process, str]]]
ROOT = Path(__file__).parents[2]


async def launch(*arguments: str) -> asyncio.subprocess.Process:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("ANSWERLOOP_")}
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "app.fake_llm",
        *arguments,
        env={**environment, "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    started: list[asyncio.subprocess.Process] = []

    async def run(*arguments: str) -> tuple[asyncio.subprocess.Process, str]:
        process = await launch("--port", "0", "--latency", "0", *arguments)
        started.append(process)
        assert process.stdout is not None
        async with asyncio.timeout(30):
            return process, (await process.stdout.readline()).decode().strip()

    yield run
    for process in started:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def ends(process: asyncio.subprocess.Process) -> tuple[int, str, str]:
    async with asyncio.timeout(30):
        out, errors = await process.communicate()
    return process.returncode or 0, out.decode(), errors.decode()


async def ask(url: str, question: str, seconds: float = 10.0) -> str:
    model = OllamaModel(url, "smol", seconds)
    try:
        return (await model.answer(prompt_for(question, 1))).text
    finally:
        await model.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_it_with_totals(start: Start, number: int) -> None:
    process, url = await start()
    assert url.startswith("http://127.0.0.1:")
    assert await ask(url, "Why?") == "An answer to: Why?"
    await ask(url, "Why?")
    process.send_signal(number)
    code, _, errors = await ends(process)
    assert code == 0
    assert "2 calls of 1 questions (1 repeated)" in errors
    assert "outcomes: answered 2" in errors


async def test_the_call_log_is_whole_after_sigkill(start: Start, tmp_path: Path) -> None:
    file = tmp_path / "calls.jsonl"
    process, url = await start("--calls", str(file), "--seed", "7")
    await ask(url, "Why?")
    async with aiohttp.ClientSession() as session:
        await session.put(f"{url}/_fake/default", data='{"fault": "hang"}')
    asking = asyncio.create_task(ask(url, "Who?"))
    async with asyncio.timeout(10):
        while len(read_calls(file)) < 2:
            await asyncio.sleep(0.01)
        process.kill()
        with pytest.raises(LlmFailed):
            await asking
    await process.wait()
    assert [(c.question, c.outcome) for c in read_calls(file)] == [
        ("Why?", "answered"),
        ("Who?", "open"),
    ]


async def test_faults_of_the_connection_work_in_the_process_too(start: Start) -> None:
    _, url = await start()
    found: dict[str, str] = {}
    async with aiohttp.ClientSession() as session:
        for name in ("reset", "half_close", "short_body", "no_reply", "gzip_bomb", "huge_chunked"):
            await session.put(f"{url}/_fake/default", data=json.dumps({"fault": name}))
            with pytest.raises(LlmFailed) as caught:
                await ask(url, "Why?")
            found[name] = caught.value.cause.name
        async with session.get(f"{url}/_fake/stats") as response:
            stats = await response.json()
    assert found == {name: MODES[name].ends for name in found}
    assert stats["outcomes"] == {"broken": 6}


async def test_a_closed_port_can_be_steered_from_the_control_port(start: Start) -> None:
    process, url = await start("--control-port", "0", "--scenario", "down")
    assert process.stdout is not None
    control = (await process.stdout.readline()).decode().strip()
    async with aiohttp.ClientSession() as session:
        with pytest.raises(LlmFailed) as caught:
            await ask(url, "Why?")
        assert caught.value.cause.name == "refused"
        async with session.post(f"{control}/_fake/reset") as response:
            assert response.status == 200

        async def answered() -> bool:
            try:
                return bool(await ask(url, "Why?"))
            except LlmFailed:
                return False

        async with asyncio.timeout(10):
            while not await answered():
                await asyncio.sleep(0.02)


async def test_references_are_answered_well_for_the_share(start: Start, tmp_path: Path) -> None:
    file = tmp_path / "questions.csv"
    rows = [f"What is thing {n}?,Thing {n} is a wheel." for n in range(40)]
    file.write_text("\n".join(["question_text,original_answer", *rows]))
    _, url = await start("--answers", str(file), "--good-share", "0.5")
    answers = [await ask(url, f"What is thing {n}?") for n in range(40)]
    assert 10 <= sum(f"Thing {n} is a wheel." in a for n, a in enumerate(answers)) <= 30


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--queue", "3"], 2, "--queue needs --capacity"),
        (["--queue", "many"], 2, "neither a number nor unbounded"),
        (["--scenario", "nope"], 2, "there are outage"),
        (["--script", "{bad}"], 2, "phases[0].fault: no fault 'nope'"),
        (["--port", "{taken}"], 4, "can't start"),
    ],
)
async def test_what_can_not_be_started_says_why(
    start: Start, tmp_path: Path, arguments: list[str], code: int, words: str
) -> None:
    (tmp_path / "bad.json").write_text('[{"fault": "nope"}]')
    _, url = await start()
    places = {"{bad}": str(tmp_path / "bad.json"), "{taken}": url.rpartition(":")[2]}
    process = await launch("--port", "0", *(places.get(each, each) for each in arguments))
    found, out, errors = await ends(process)
    assert (found, out) == (code, "")
    assert words in errors


async def test_an_address_for_everybody_is_warned_of(start: Start) -> None:
    process, url = await start("--host", "0.0.0.0")
    assert url.startswith("http://0.0.0.0:")
    process.terminate()
    _, _, errors = await ends(process)
    assert "warning: whoever reaches 0.0.0.0 can steer this server" in errors


async def test_the_lists_are_there_for_people_and_programs() -> None:
    async def listed(*arguments: str) -> Any:
        code, out, _ = await ends(await launch(*arguments))
        assert code == 0
        return out

    table = await listed("--list-modes")
    assert all(name in table for name in MODES)
    modes = json.loads(await listed("--list-modes", "--json"))
    assert [row["mode"] for row in modes] == list(MODES)
    assert "six times" in await listed("--list-scenarios")
