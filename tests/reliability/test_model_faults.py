"""What a model server does to us: rate limits, refusals, broken replies (L2, L3, L4).

Each on the real adapters of both protocols. What a single call ends as stands in
tests/fake_llm/test_modes.py and tests/adapters/llm/test_faults.py; here it is the whole pipeline.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from email.utils import formatdate, parsedate_to_datetime
from pathlib import Path

import pytest

from app.adapters.llm.ollama import OllamaModel
from app.adapters.llm.openai import OpenAiModel
from app.chaos.cluster import Cluster, Worker
from app.core.failures import CAUSES, Route
from app.core.lifecycle import Status
from app.core.retry import RetryPolicy
from app.fake_llm import MODES, FakeModelServer, Step
from app.fake_llm.faults import bomb
from app.ports import LanguageModel
from tests.flow.engine import LIMITS, make_ports, poll, question, running
from tests.integration.cluster import final, get, post, until

Record = Callable[[str, object], None]
PROTOCOLS = ("ollama", "openai")
ANSWER = "An answer"

#: L3: what no retry mends.
REFUSALS = (
    "insufficient_quota",
    "bad_request",
    "unauthorized",
    "forbidden",
    "model_not_found",
    "request_too_large",
    "unprocessable",
)

#: L4: what breaks below HTTP or in the body, each a mode of a single call.
BROKEN = tuple(
    name
    for name, mode in MODES.items()
    if mode.kind in ("body", "connection") or name == "redirect"
)
MIB = 1024
RSS_LIMIT_MIB = 50.0


@pytest.fixture
async def server() -> AsyncIterator[FakeModelServer]:
    bomb()  # made before the clock of any call runs
    async with FakeModelServer(answer=lambda text: ANSWER) as server:
        yield server


@pytest.fixture(params=PROTOCOLS)
async def model(
    request: pytest.FixtureRequest, server: FakeModelServer
) -> AsyncIterator[LanguageModel]:
    """The real adapter of a protocol."""
    opened: LanguageModel
    if request.param == "ollama":
        opened = OllamaModel(server.host, "smol", 10.0)
    else:
        opened = OpenAiModel(f"{server.url}/v1", "smol", "key", 10.0)
    yield opened
    await opened.close()


async def ended_calls(server: FakeModelServer, key: str, count: int) -> list[tuple[float, float]]:
    """Return when the calls of a question began and ended, once there are so many."""

    async def found() -> list[tuple[float, float]] | None:
        calls = [call for call in server.calls if call.question == key and call.ended]
        return [(c.at, c.ended or 0.0) for c in calls] if len(calls) >= count else None

    times: list[tuple[float, float]] = await poll(found)
    return times


FIXED = (60 * 0.8, 60 * 1.2)
FORMS = {
    "rate_limited": FIXED,
    "rate_limited_2": (2, 2 * 1.2),
    "rate_limited_30": (30, 30 * 1.2),
    "rate_limited_date": (29, 30 * 1.2),
    "rate_limited_garbage": FIXED,
    "rate_limited_negative": FIXED,
    "rate_limited_huge": (300, 300),
}
SLACK_SECONDS = 1.5


@pytest.mark.parametrize("form", FORMS)
async def test_l2_a_rate_limit_waits_the_fixed_time_or_the_header_clamped(
    server: FakeModelServer, model: LanguageModel, form: str
) -> None:
    low, high = FORMS[form]
    server.script["Why?"].append(Step(fault=form))
    limits = replace(LIMITS, policy=RetryPolicy())
    ports = make_ports(model=model)
    async with running(ports, limits=limits) as engine:
        asked = question("Why?")
        await engine.submit(asked)
        row = await engine.in_state(asked.question_id, "waiting")
        [(_, ended)] = await ended_calls(server, "Why?", 1)
    assert row.due_at is not None
    assert low <= row.due_at - ended <= high + SLACK_SECONDS
    assert row.cause == "rate_limited"


async def test_l2_the_next_call_is_never_before_the_header_says(
    server: FakeModelServer, model: LanguageModel, record_property: Record
) -> None:
    date = formatdate(time.time() + 3, usegmt=True)
    server.script["Seconds?"].append(Step(status=429, headers={"Retry-After": "2"}))
    server.script["Date?"].append(Step(status=429, headers={"Retry-After": date}))
    server.script["Busy?"].append(Step(status=503, headers={"Retry-After": "2"}))
    ports = make_ports(model=model)
    async with running(ports) as engine:
        asked = [question(text) for text in ("Seconds?", "Date?", "Busy?")]
        await engine.submit(*asked)
        rows = await engine.finals(*asked)
    assert [row.status for row in rows] == [Status.VALIDATED] * 3
    late = []
    for text, seconds in (("Seconds?", 2.0), ("Busy?", 2.0)):
        (_, ended), (began, _) = await ended_calls(server, text, 2)
        late.append(began - ended - seconds)
    _, (began, _) = await ended_calls(server, "Date?", 2)
    late.append(began - parsedate_to_datetime(date).timestamp())
    record_property("late_seconds", [round(each, 3) for each in late])
    assert min(late) >= 0, "never early"
    assert max(late) <= 1.0 + SLACK_SECONDS


async def test_l3_what_no_retry_mends_is_one_call_and_a_dead_letter(
    server: FakeModelServer, model: LanguageModel
) -> None:
    for name in REFUSALS:
        server.script[f"Is it {name}?"] = [Step(fault=name)] * 9
    asked = {name: question(f"Is it {name}?") for name in REFUSALS}
    ports = make_ports(model=model)
    async with running(ports) as engine:
        actors = engine.actors()
        await engine.submit(*asked.values())
        rows = await engine.finals(*asked.values())
        await engine.idle()
        letters = engine.records(engine.names.dead_letters)
        assert engine.actors() == actors, "no agent was restarted"
    assert {row.question_id: (row.status, row.cause) for row in rows} == {
        each.question_id: (Status.DEAD, name) for name, each in asked.items()
    }
    assert server.counts() == {f"Is it {name}?": 1 for name in REFUSALS}
    assert sorted(letter.cause for letter in letters) == sorted(REFUSALS)
    assert all(letter.attempts == 1 and letter.value for letter in letters)


async def test_l4_every_broken_reply_ends_as_tabled_within_the_pipeline(
    server: FakeModelServer, model: LanguageModel
) -> None:
    """Each once, then an answer: worth a retry means validated, not worth one means dead."""
    names = [name for name in BROKEN if MODES[name].ends != "timeout"]
    for name in names:
        server.script[f"Is it {name}?"].append(Step(fault=name))
    asked = {name: question(f"Is it {name}?") for name in names}
    async with running(make_ports(model=model)) as engine:
        actors = engine.actors()
        await engine.submit(*asked.values())
        rows = dict(zip(names, await engine.finals(*asked.values()), strict=True))
        assert engine.actors() == actors, "no agent was restarted"
    found = {name: (row.status, row.attempts[0].cause) for name, row in rows.items()}
    assert found == {name: expected_end(name) for name in names}


def expected_end(name: str) -> tuple[Status, str | None]:
    """How a question ends whose first call gets the mode and whose later ones get an answer."""
    ends = MODES[name].ends
    if ends == "answer":
        return Status.VALIDATED, None
    dead = CAUSES[ends].route is Route.DEAD
    return Status.DEAD if dead else Status.VALIDATED, ends


@pytest.fixture
async def worker(
    request: pytest.FixtureRequest, server: FakeModelServer, tmp_path: Path
) -> AsyncIterator[Worker]:
    """A real worker, a process of its own, on the embedded log."""
    ollama = request.param == "ollama"
    settings = {
        "BROKER": "log:",
        "DATABASE": "memory:",
        "SCORER": "memory:",
        "LLM": f"ollama://{server.host}" if ollama else f"openai+{server.url}/v1",
        "LLM_MODEL": "smol",
        "LLM_TIMEOUT_SECONDS": "1",
        "OVERLOAD_BASE_SECONDS": "0.2",
        "QUALITY_THRESHOLD": "0.5",
        "BREAKER_MIN_CALLS": "1000",
    }
    cluster = Cluster(tmp_path, settings)
    try:
        yield await cluster.ready(cluster.start_worker())
    finally:
        cluster.close()


def memory_mib(worker: Worker, field: str) -> float:
    """Return `VmRSS` or `VmHWM` (the most it ever was) of a worker."""
    status = Path(f"/proc/{worker.process.pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith(f"{field}:"))
    return int(line.split()[1]) / MIB


def begin_peak_anew(worker: Worker) -> None:
    """Let the kernel forget how large a worker ever was."""
    Path(f"/proc/{worker.process.pid}/clear_refs").write_text("5")


async def all_final(worker: Worker, questions: dict[str, str]) -> dict[str, dict[str, object]]:
    ids = {name: await post(worker, text) for name, text in questions.items()}
    rows = await asyncio.gather(*(final(worker, each, 60) for each in ids.values()))
    return dict(zip(ids, rows, strict=True))


@pytest.mark.timeout(300)
@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux's /proc")
@pytest.mark.parametrize("worker", PROTOCOLS, indirect=True)
async def test_l4_a_worker_takes_every_fault_in_bounded_memory(
    worker: Worker, server: FakeModelServer, record_property: Record
) -> None:
    elsewhere = FakeModelServer()
    await elsewhere.start()
    warm = await all_final(worker, {str(n): f"Warm up {n}?" for n in range(40)})
    assert {row["status"] for row in warm.values()} == {"validated"}
    before = memory_mib(worker, "VmRSS")
    begin_peak_anew(worker)
    for round_number in range(3):
        questions = {name: f"Is it {name}, round {round_number}?" for name in BROKEN}
        for name, text in questions.items():
            away = {"Location": f"{elsewhere.url}/api/chat"} if name == "redirect" else {}
            server.script[text].append(Step(fault=name, headers=away))
        rows = await all_final(worker, questions)
        found = {name: (row["status"], _first_cause(row)) for name, row in rows.items()}
        assert found == {name: expected_end(name) for name in BROKEN}
        assert "\0" not in str(rows["nul"])
    grown = memory_mib(worker, "VmHWM") - before
    record_property("rss_growth_mib", round(grown, 1))
    metrics = await get(worker, "/metrics")
    assert elsewhere.calls == [], "a redirect is not followed"
    await elsewhere.stop()
    assert worker.alive
    assert metrics["stage_errors"] == 0
    assert set(metrics["dead_letters_by_cause"]) == {"reply_too_large", "redirected"}
    assert "Traceback" not in worker.log.read_text()
    assert grown <= RSS_LIMIT_MIB


def _first_cause(row: dict[str, object]) -> str | None:
    attempts = row["attempts"]
    assert isinstance(attempts, list)
    cause = attempts[0].get("cause")
    return None if cause is None else str(cause)


@pytest.mark.timeout(180)
@pytest.mark.parametrize("worker", PROTOCOLS, indirect=True)
@pytest.mark.parametrize("fault", ["refused", "connect_hang"])
async def test_l4_a_closed_or_silent_port_is_waited_out(
    worker: Worker, server: FakeModelServer, fault: str
) -> None:
    await server.set_port(fault)
    asked = await post(worker, "Is anybody there?")

    async def failed() -> bool:
        row = await get(worker, f"/questions/{asked}")
        return any(each.get("cause") == MODES[fault].ends for each in row.get("attempts", []))

    await until(failed, 30)
    assert server.calls == []
    await server.set_port(None)
    row = await final(worker, asked, 60)
    assert row["status"] == "validated"
    assert {each.get("cause") for each in row["attempts"]} == {MODES[fault].ends, None}
    assert worker.alive
