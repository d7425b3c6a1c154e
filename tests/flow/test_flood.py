"""A flood of deaths stops the intake; what is in flight goes on; questions that pass open it."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import Any

from app.adapters.llm.memory import ScriptedModel
from app.core.failures import CAUSES
from app.core.flood import FloodPolicy
from app.core.lifecycle import Status
from app.errors import llm_failed
from tests.flow.engine import LIMITS, make_ports, poll, question, running
from tests.web.client import serving

QUICK = FloodPolicy(share=0.5, window_seconds=60, min_ends=10, probe_seconds=0.3)
SLOW = replace(QUICK, probe_seconds=600.0)


class Server:
    """A model server that refuses its key until it is mended."""

    def __init__(self, cause: str = "unauthorized") -> None:
        self.good = False
        self.asked: list[str] = []
        self.cause = cause

    def model(self) -> ScriptedModel:
        def answer(prompt: Any) -> str:
            self.asked.append(str(prompt))
            if not self.good:
                raise llm_failed(CAUSES[self.cause], "no")
            return "An answer"

        return ScriptedModel(answer)


def limits(policy: FloodPolicy) -> Any:
    return replace(LIMITS, flood=policy)


async def drown(engine: Any) -> None:
    """Let just enough questions die: more might stand before the closed door."""
    asked = [question(f"Dead {n}?") for n in range(QUICK.min_ends)]
    await engine.submit(*asked)
    rows = await engine.finals(*asked)
    assert {row.status for row in rows} == {Status.DEAD}
    await engine.idle()


async def test_while_it_lasts_a_new_question_waits_unacknowledged_and_is_not_asked() -> None:
    server = Server()
    async with running(make_ports(model=server.model()), limits=limits(SLOW)) as engine:
        await drown(engine)
        assert engine.context.flood.open
        assert engine.context.metrics.as_json()["floods"] == 1
        before = len(server.asked)
        await engine.submit(question("Later?", question_id="later"))
        await asyncio.sleep(0.5)
        assert len(server.asked) == before
        assert engine.unacknowledged(engine.names.questions_pending) == 1
        server.good = True
        assert engine.context.flood.resume()
        assert (await engine.final("later")).status is Status.VALIDATED
        await engine.idle()


async def test_probes_find_out_by_themselves_that_questions_pass_again() -> None:
    server = Server()
    async with running(make_ports(model=server.model()), limits=limits(QUICK)) as engine:
        await drown(engine)
        waiting = [question(f"Waiting {n}?") for n in range(30)]
        await engine.submit(*waiting)
        await poll(lambda: _is(len(server.asked) >= 12))
        assert len(server.asked) < 25, "probes trickle"
        server.good = True
        started = time.monotonic()
        rows = await engine.finals(*waiting)
        assert time.monotonic() - started < 15
        assert not engine.context.flood.open
        assert sum(row.status is Status.DEAD for row in rows) <= 10, "only probes died"
        await engine.idle()


async def _is(value: bool) -> bool:
    return value


async def test_a_generation_of_a_question_that_came_in_before_goes_on() -> None:
    server = Server()
    async with running(make_ports(model=server.model()), limits=limits(SLOW)) as engine:
        await drown(engine)
        server.good = True
        await engine.submit(question("New?", question_id="new"))
        again = question("Weak?", question_id="weak", generation=2)
        await engine.submit(again)
        assert (await engine.final("weak")).status is Status.VALIDATED
        new = await engine.ports.store.question("new")
        assert new is None or not new.status.final


async def test_a_stop_during_a_flood_loses_nothing() -> None:
    server, name = Server(), "flood-restart"
    ports = make_ports(model=server.model())
    async with running(ports, name=name, limits=limits(SLOW)) as engine:
        await drown(engine)
        await engine.submit(question("Kept?", question_id="kept"))
        await asyncio.sleep(0.2)
    server.good = True
    async with running(ports, name=name, limits=limits(SLOW)) as engine:
        assert (await engine.final("kept")).status is Status.VALIDATED


async def test_garbage_on_the_topics_stops_nobody() -> None:
    server = Server()
    server.good = True
    async with running(make_ports(model=server.model()), limits=limits(SLOW)) as engine:
        for n in range(200):
            await engine.send_raw(engine.names.questions_pending, b"k%d" % n, b"not json")
        forged = [question(f"Forged {n}?", generation=99) for n in range(20)]
        await engine.submit(*forged)
        await engine.finals(*forged)
        await engine.idle()
        assert not engine.context.flood.open


ASK = {"question_text": "Anybody?", "original_answer": "An answer"}
ASK2 = {"question_text": "¿Nadie?", "original_answer": "An answer"}


async def test_the_api_says_503_why_and_when_and_readyz_too() -> None:
    server = Server()
    async with serving(make_ports(model=server.model()), limits=limits(SLOW)) as api:
        await drown(api.engine)
        async with api.client.post("/query", json=ASK) as response:
            reply = await response.json()
            assert (response.status, reply["error"]["code"]) == (503, "flooded")
            assert 1 <= int(response.headers["Retry-After"]) <= 600
        async with api.client.post("/questions", json={"questions": [ASK, ASK2]}) as response:
            several = await response.json()
            assert (response.status, several["error"]["code"]) == (503, "flooded")
            assert int(response.headers["Retry-After"]) >= 1
        status, alone = await api.call("POST", "/questions", json={"questions": [ASK2]})
        assert (status, alone["error"]["code"]) == (503, "flooded"), "its turn is a probe's"
        assert "10 of 10 questions" in reply["error"]["message"]
        assert "unauthorized 10" in reply["error"]["message"]
        status, reply = await api.get("/readyz")
        assert (status, reply["error"]["code"]) == (503, "not_ready")
        assert "dlq resume" in reply["error"]["message"]
        server.good = True
        assert await api.call("POST", "/flood/resume") == (200, {"resumed": True})
        assert await api.call("POST", "/flood/resume") == (200, {"resumed": False})
        assert (await api.get("/readyz"))[0] == 200
        assert (await api.query(ASK, wait=30))[0] == 200


async def test_what_is_answered_is_still_given() -> None:
    server = Server()
    server.good = True
    async with serving(make_ports(model=server.model()), limits=limits(SLOW)) as api:
        assert (await api.query(ASK, wait=30))[0] == 200
        server.good = False
        await api.engine.submit(*[question(f"Dead {n}?") for n in range(15)])
        await poll(lambda: _is(api.engine.context.flood.open))
        await api.engine.ports.cache.forget([])
        assert (await api.query(ASK))[0] == 200
        assert (await api.query(ASK | {"fresh": True}))[0] == 503


async def test_the_api_lets_a_probe_through_so_that_it_never_stays_shut() -> None:
    server = Server()
    async with serving(make_ports(model=server.model()), limits=limits(QUICK)) as api:
        await drown(api.engine)
        server.good = True
        answers: list[int] = []

        async def open_again() -> bool:
            answers.append((await api.query(ASK | {"fresh": True}))[0])
            return not api.engine.context.flood.open

        await poll(open_again, pause=0.05)
    assert 202 in answers
    assert 503 in answers
