"""A signal that comes while the worker stops after a crash: the stop goes on, the code stays 1."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
import structlog

from app.cli import pipelines, worker


class CrashingApp:
    """Crashes at once, and takes a while to stop."""

    conf = SimpleNamespace(id="crashing")
    context = SimpleNamespace(log=structlog.get_logger("answerloop"))
    crash_reason = RuntimeError("lost")
    rebalancing = False
    tables = SimpleNamespace(actives_ready=True)
    stopped_in_time = True

    def __init__(self) -> None:
        self._crashed = asyncio.Event()
        self.stopping = asyncio.Event()
        self.stopped = False

    async def start(self) -> None:
        self._crashed.set()

    async def stop(self) -> None:
        self.stopping.set()
        await asyncio.sleep(0.2)
        self.stopped = True


class Outside:
    """The parts: they tell whether the app had stopped when they were closed."""

    ports = None

    def __init__(self, app: CrashingApp) -> None:
        self._app = app
        self.closed_after: bool | None = None

    async def close(self) -> None:
        self.closed_after = self._app.stopped


@pytest.fixture
def signalled(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Let signals come as calls of what this holds."""
    asked: list[Any] = []

    class Signals:
        def __init__(self, ask: Any, _: float) -> None:
            asked.append(ask)

        def install(self) -> None:
            """The test sends them itself."""

        def done(self) -> None:
            """Nothing was armed."""

    monkeypatch.setattr(worker, "Signals", Signals)
    return asked


async def nothing(*_: Any) -> None:
    """Topics need no preparation here."""


async def test_a_signal_during_the_stop_after_a_crash_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, signalled: list[Any]
) -> None:
    app = CrashingApp()
    outside = Outside(app)

    async def opened(*_: Any) -> Outside:
        return outside

    monkeypatch.setattr(pipelines, "open_all_ports", opened)
    monkeypatch.setattr(pipelines, "prepare_topics", nothing)
    monkeypatch.setattr(pipelines, "serve_http", lambda *_, **__: None)
    monkeypatch.setattr(pipelines, "_create", lambda *_: pipelines.Pipelines(app, None))  # type: ignore[arg-type]
    monkeypatch.setattr(worker, "_gate_checked", lambda *_: nullcontext())
    monkeypatch.setattr(worker, "_engine_facts", lambda _: {})
    settings: Any = SimpleNamespace(
        pipeline_names=["questions"], embedded=True, database="x", stop_grace_seconds=1.0
    )
    serving = asyncio.create_task(worker.serve(settings))
    await app.stopping.wait()
    signalled[0]()
    assert await serving == 1
    assert outside.closed_after is True


async def test_a_stop_that_is_cancelled_is_through_all_the_same() -> None:
    app = CrashingApp()
    stopping = asyncio.create_task(pipelines._stop([app]))  # type: ignore[list-item]
    await app.stopping.wait()
    stopping.cancel()
    await stopping
    assert app.stopped
    assert stopping.cancelling() == 0
