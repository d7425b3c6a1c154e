"""What stages say that they wait for: the watchdog must not take it for a hang."""

from __future__ import annotations

import asyncio
from typing import Any

from agents.in_hand import WaitingFor
from app.adapters.llm.memory import ScriptedModel
from app.adapters.scorer.memory import OverlapScorer
from tests.flow.engine import Engine, make_ports, poll, question, running
from tests.flow.faulty import FaultyStore


async def waits_of(engine: Engine, stage: str, what: str) -> str:
    """Return what the stage's event waits for, once that is `what`."""

    async def found() -> str | None:
        now = asyncio.get_running_loop().time()
        waits = [e.waits_for(now) for e in engine.context.waiting_for.entries() if e.stage == stage]
        return what if what in waits else None

    waited_for: str = await poll(found)
    return waited_for


async def test_a_stage_says_that_it_waits_for_the_database() -> None:
    store = FaultyStore()
    async with running(make_ports(store=store)) as engine:
        store.down = True
        await engine.submit(question("Why?"))
        assert await waits_of(engine, "admit", "database") == "database"
        store.down = False
        await engine.idle()
        assert engine.context.waiting_for.entries() == []


async def test_a_stage_says_that_it_waits_for_the_scorer() -> None:
    scorer = OverlapScorer()
    scorer.available = False
    async with running(make_ports(scorer=scorer)) as engine:
        await engine.submit(question("Why?"))
        assert await waits_of(engine, "judge", "scorer") == "scorer"
        scorer.available = True


async def test_a_model_call_is_a_wait_within_its_limit() -> None:
    go_on = asyncio.Event()

    class Slow(ScriptedModel):
        async def answer(self, prompt: Any) -> Any:
            await go_on.wait()
            return await super().answer(prompt)

    async with running(make_ports(model=Slow(lambda p: "An answer"))) as engine:
        await engine.submit(question("Why?"))
        assert await waits_of(engine, "ask", "the model") == "the model"
        [entry] = [e for e in engine.context.waiting_for.entries() if e.stage == "ask"]
        beyond = entry.since + engine.context.limits.call_seconds + 60
        assert entry.waits_for(beyond) is None
        go_on.set()


async def test_a_wait_that_shows_no_sign_of_life_ends_as_an_excuse() -> None:
    waiting_for = WaitingFor()
    loop = asyncio.get_running_loop()
    with waiting_for.in_hand("ask", object()) as entry:
        with waiting_for("database", at_most=10) as wait:
            assert entry.waits_for(loop.time() + 9) == "database"
            assert entry.waits_for(loop.time() + 11) is None
            wait.renew(20)
            assert entry.waits_for(loop.time() + 11) == "database"
        assert entry.waits_for(loop.time()) is None


async def test_a_wait_in_a_task_of_the_event_is_the_event_s_wait() -> None:
    waiting_for = WaitingFor()
    with waiting_for.in_hand("ask", object()) as entry:

        async def inside() -> str | None:
            with waiting_for("the model"):
                return entry.waits_for(asyncio.get_running_loop().time())

        assert await asyncio.create_task(inside()) == "the model"
    with waiting_for("nothing in hand"):
        assert waiting_for.entries() == []
