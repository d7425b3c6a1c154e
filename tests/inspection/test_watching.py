"""`watch`: what a real worker's routes say, as rates and tables."""

from __future__ import annotations

import io
from typing import Any

import aiohttp
import pytest
from rich.console import Console

from app.adapters.llm.memory import ScriptedModel
from app.cli.watch_print import tables
from app.core.failures import CAUSES
from app.errors import UnavailableError, llm_failed
from app.inspection.log_reader import LogReader
from app.inspection.watching import Watcher, rates_between
from tests.flow.engine import make_ports, question, running
from tests.web.client import client_of

OVERLOADED = llm_failed(CAUSES["overloaded"], "busy", status=503)


def shown(found: dict[str, Any]) -> str:
    out = io.StringIO()
    Console(file=out, width=160).print(tables(found))
    return out.getvalue()


async def test_a_look_has_states_rates_model_and_lag() -> None:
    model = ScriptedModel(script={"Busy?": [OVERLOADED]})
    async with running(make_ports(model=model)) as engine, client_of(engine) as client:
        reader = LogReader(engine.log, "memory", owned=False)
        watcher = Watcher(client, "http://here", reader, [engine.app.conf.id, "nobody"])
        first = await watcher.look()
        asked = question("Busy?")
        await engine.submit(asked)
        await engine.finals(asked)
        await engine.idle()
        second = await watcher.look()
    assert first["per_second"] is None
    assert second["per_second"]["ended"] > 0
    assert second["per_second"]["calls"] == pytest.approx(2 * second["per_second"]["ended"], 0.1)
    assert second["lag"] == {engine.app.conf.id: 0}
    text = shown(second)
    assert "validated" in text
    assert "breaker" in text
    assert "lag of" in text


async def test_waits_and_what_is_not_well_are_shown_and_steer_nothing() -> None:
    async with running(make_ports()) as engine, client_of(engine) as client:
        found = await Watcher(client, "http://here", None, []).look()
    assert found["lag"] is None
    found["questions"]["waiting"] = [
        {"cause": "\x1b[2Jover", "questions": 1200, "next_due_at": "2999-01-01T00:00:00.000Z"}
    ]
    found["findings"] = [{"level": "warn", "text": "the database \x1b]0;x\x07 is away"}]
    text = shown(found)
    assert "1,200" in text
    assert "warn: the database" in text
    assert "\x1b" not in text


def test_a_worker_that_began_anew_counts_from_zero() -> None:
    before = {"total_responses": 100, "model_calls": 7}
    found = rates_between(before, {"total_responses": 10, "model_calls": 9}, 2.0)
    assert found == {"ended": 5.0, "calls": 1.0, "retries": 0.0, "ratings": 0.0}


async def test_a_worker_that_is_away_is_said() -> None:
    async with aiohttp.ClientSession("http://127.0.0.1:9") as session:
        with pytest.raises(UnavailableError, match="http://there does not answer"):
            await Watcher(session, "http://there", None, []).look()
