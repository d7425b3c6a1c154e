"""Every mode: what real adapters see of it, on both protocols, and that the page names it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from app.adapters.llm.ollama import OllamaModel
from app.adapters.llm.openai import OpenAiModel
from app.core.failures import CAUSES
from app.core.strategies import prompt_for
from app.errors import LlmFailed
from app.fake_llm import FAULTS, MODES, FakeModelServer, Step
from app.fake_llm.scenarios import SCENARIOS
from app.ports import LanguageModel

Open = Callable[[float], LanguageModel]
BY_CALL = [name for name, mode in MODES.items() if mode.kind != "port"]
PAGE = Path(__file__).parents[2] / "docs" / "fake-llm.md"


@pytest.fixture
async def server() -> AsyncIterator[FakeModelServer]:
    async with FakeModelServer() as server:
        yield server


@pytest.fixture(params=["ollama", "openai"])
def open_model(request: pytest.FixtureRequest, server: FakeModelServer) -> Open:
    if request.param == "ollama":
        return lambda seconds: OllamaModel(server.host, "smol", seconds)
    return lambda seconds: OpenAiModel(f"{server.url}/v1", "smol", "key", seconds)


async def ends_as(model: LanguageModel) -> str:
    """Return how a call of the adapter ends: a cause, or `answer`."""
    try:
        await model.answer(prompt_for("Why?", 1))
    except LlmFailed as failure:
        return failure.cause.name
    finally:
        await model.close()
    return "answer"


@pytest.mark.parametrize("name", BY_CALL)
async def test_a_mode_ends_as_its_row_says(
    server: FakeModelServer, open_model: Open, name: str
) -> None:
    server.script["Why?"].append(Step(fault=name))
    patience = 0.4 if MODES[name].ends == "timeout" else 10.0
    assert await ends_as(open_model(patience)) == MODES[name].ends
    assert server.counts() == {"Why?": 1}
    assert server.calls[0].mode == name


@pytest.mark.parametrize("fault", ["refused", "connect_hang"])
async def test_a_mode_of_the_port_ends_as_its_row_says_and_heals(
    server: FakeModelServer, open_model: Open, fault: str
) -> None:
    port = server.port
    assert await ends_as(open_model(5.0)) == "answer"
    await server.set_port(fault)
    assert await ends_as(open_model(0.4)) == MODES[fault].ends
    await server.set_port(None)
    assert await ends_as(open_model(5.0)) == "answer"
    assert (server.port, len(server.calls)) == (port, 2)


def test_every_mode_ends_as_a_cause_or_an_answer() -> None:
    assert {mode.ends for mode in MODES.values()} <= {*CAUSES, "answer"}


def test_every_fault_of_the_connection_is_a_mode() -> None:
    assert {name for name, mode in MODES.items() if mode.kind == "connection"} == set(FAULTS)


def test_every_cause_of_the_table_can_be_brought_about() -> None:
    assert set(CAUSES) - {mode.ends for mode in MODES.values()} == {"client_error"}


def test_the_page_has_every_mode_and_scenario() -> None:
    modes, _, scenarios = PAGE.read_text(encoding="utf-8").partition("## Scenarios")
    rows = dict(re.findall(r"^\| `([\w-]+)` \| (.*) \|$", modes, re.MULTILINE))
    assert list(rows) == list(MODES)
    for mode in MODES.values():
        ends = "an answer" if mode.ends == "answer" else f"`{mode.ends}`"
        assert rows[mode.name] == f"{mode.kind} | {mode.about} | {ends}"
    rows = dict(re.findall(r"^\| `([\w-]+)` \| ([^|]*) \|$", scenarios, re.MULTILINE))
    for name, scenario in SCENARIOS.items():
        assert rows[name] == scenario.about


def test_a_step_with_an_unknown_fault_is_refused() -> None:
    with pytest.raises(ValueError, match="no fault 'resett'"):
        Step(fault="resett")
    with pytest.raises(ValueError, match="name it in a phase"):
        Step(fault="refused")
