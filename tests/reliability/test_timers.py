"""T1, T2, T5: waits keep their time, long ones delay no short one, many take little memory."""

from __future__ import annotations

import asyncio
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from app.adapters.llm.memory import ScriptedModel
from tests.flow.engine import LIMITS, Engine, make_ports, poll, running
from tests.reliability.pending_waits import waiting
from tests.reliability.waits import Starvation, failures, put, starvation

LATE_SECONDS = 1.0
#: The timers as they are in use: those of the other flow tests look more often.
IN_USE = replace(LIMITS, timer_seconds=0.1)


async def released(engine: Engine, starved: Starvation, count: int) -> dict[str, float]:
    """Return how late each wait was released, once `count` are: its request on the log, less due.

    What the machine kept from this process is taken off: the figure is the product's.
    """

    async def all_released() -> bool:
        return len(engine.messages(engine.names.llm_requests)) >= count

    await poll(all_released, 60)
    due = {each.question_id: each.due_at for each in engine.records(engine.names.retries_due)}
    late = {}
    for raw in engine.messages(engine.names.llm_requests):
        key = (raw.key or b"").decode()
        lost = starved.between(due[key], raw.timestamp)
        overdue = raw.timestamp - due[key]
        late[key] = overdue if overdue < 0 else max(0.0, overdue - lost)
    return late


@pytest.mark.alone
async def test_t1_a_wait_never_ends_early_and_hardly_late() -> None:
    model = ScriptedModel(lambda prompt: "An answer")
    async with running(make_ports(model=model), limits=IN_USE) as engine, starvation() as starved:
        waits = [each for seconds in (1.0, 2.0, 3.0) for each in failures(100, seconds)]
        await put(engine.log, engine.names.errors_overload, waits)
        late = await released(engine, starved, len(waits))
        await poll(lambda: _called(model, len(waits)))
        due = {each.question_id: each.due_at for each in engine.records(engine.names.retries_due)}
    called = {each.question_id: model.calls_of(each.question_text) for each in waits}
    assert all(len(calls) == 1 for calls in called.values())
    assert all(calls[0].at >= due[key] for key, calls in called.items()), "called early"
    ordered = sorted(late.values())
    assert len(ordered) == len(waits)
    assert ordered[0] >= 0, f"early by {-ordered[0]:.3f} s"
    assert ordered[int(0.99 * len(ordered))] <= LATE_SECONDS, ordered[-5:]


@pytest.mark.alone
async def test_t5_ten_thousand_long_waits_do_not_delay_a_short_one() -> None:
    async with running(make_ports(), limits=IN_USE) as engine, starvation() as starved:
        overload = engine.names.errors_overload
        await put(engine.log, overload, failures(10_000))

        async def all_wait() -> bool:
            return waiting(engine) >= 10_000

        await poll(all_wait, 60, pause=0.1)
        [short] = failures(1, 2.0)
        sent = time.time()
        await put(engine.log, overload, [short])
        late = await released(engine, starved, 1)
        taken = engine.messages(engine.names.llm_requests)[0].timestamp - sent
        taken -= starved.between(sent, sent + taken)
    assert list(late) == [short.question_id]
    assert late[short.question_id] >= 0
    assert taken <= 2 + LATE_SECONDS, "from the failure to the release"


async def test_t2_a_hundred_thousand_waits_take_less_than_500_mib(tmp_path: Path) -> None:
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tests.reliability.pending_waits", str(tmp_path / "data"), "100000"),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(180):
            out, _ = await child.communicate()
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    count, before, most = map(int, out.split())
    assert count == 100_000
    assert most < 500, f"{most} MiB, of them {before} before"


async def _called(model: ScriptedModel, times: int) -> bool:
    return len(model.calls) >= times
