"""An engine inside a command that crashes: the command ends with the reason, it does not wait."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from app.cli.engine import local_engine
from app.cli.pipelines import _recovered
from app.errors import AnswerloopError
from app.fake_llm import FakeModelServer
from app.settings import Settings, load_settings


@pytest.fixture
async def settings(tmp_path: Path) -> AsyncIterator[Settings]:
    async with asyncio.timeout(60):
        server = FakeModelServer(answer=lambda _: "Sí")
        await server.start()
        yield load_settings(
            data_dir=tmp_path,
            broker="memory:",
            database="memory:",
            scorer="memory:",
            llm=f"ollama://{server.host}",
            llm_model="smol",
            http_port=0,
        )
        await server.stop()


async def test_a_crash_ends_what_waits_for_answers(settings: Settings) -> None:
    async def work() -> None:
        async with local_engine(settings) as app:
            await app.crash(RuntimeError("the log is gone"))
            await asyncio.sleep(50)

    with pytest.raises(AnswerloopError, match=r"crashed: RuntimeError\('the log is gone'\)"):
        await work()
    this = asyncio.current_task()
    assert this is not None
    assert this.cancelling() == 0


async def test_what_is_cancelled_from_outside_stays_cancelled(settings: Settings) -> None:
    started = asyncio.Event()

    async def work() -> None:
        async with local_engine(settings):
            started.set()
            await asyncio.sleep(50)

    working = asyncio.create_task(work())
    await started.wait()
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working


async def test_a_crash_before_the_tables_are_back_is_not_waited_out() -> None:
    app: Any = SimpleNamespace(rebalancing=True, _crashed=asyncio.Event())
    waiting = asyncio.create_task(_recovered(app))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    app._crashed.set()
    await asyncio.wait_for(waiting, 5)
