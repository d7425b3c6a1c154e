"""The protocols of model servers."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from app.fake_llm import FakeModelServer
from tests.adapters.llm.wire import PROTOCOLS, Wire, open_ollama, open_openai


@pytest.fixture(params=PROTOCOLS)
async def wire(request: pytest.FixtureRequest) -> AsyncIterator[Wire]:
    opener = open_ollama if request.param == "ollama" else open_openai
    async with FakeModelServer() as server:
        yield Wire(request.param, server, opener)
