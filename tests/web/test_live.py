"""`GET /live`: server-sent events for those who look, and nothing for those who don't."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest

from app.web import live as module
from tests.flow.engine import poll
from tests.web.client import serving

ASK = {"question_text": "Why?", "original_answer": "An answer"}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.web.live.SAMPLE_SECONDS", 0.05)
    monkeypatch.setattr("app.web.dashboard.sampler.GAP_SECONDS", 1.0)


@pytest.fixture
def lives(monkeypatch: pytest.MonkeyPatch) -> list[module.Live]:
    """The broadcasters that are made, so that a test can look inside."""
    made: list[module.Live] = []

    class Watched(module.Live):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            made.append(self)

    monkeypatch.setattr("app.web.dashboard.routes.Live", Watched)
    return made


async def events(response: Any, number: int) -> list[tuple[str, Any]]:
    """Return the next events of a stream; comments are left out."""
    found: list[tuple[str, Any]] = []
    while len(found) < number:
        block = (await response.content.readuntil(b"\n\n")).decode()
        if not block.startswith(":"):
            name, data = block.strip().split("\n")
            found.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return found


async def test_a_stream_tells_the_state_again_and_again() -> None:
    async with serving() as api, api.client.get("/live") as response:
        assert response.headers["Content-Type"] == "text/event-stream"
        assert response.headers["Cache-Control"] == "no-store"
        (history, _), (name, before) = await events(response, 2)
        assert (history, name) == ("history", "state")
        assert before["questions"]["accepted"] == 0
        await api.query(ASK, wait=30)

        async def told() -> bool:
            [(_, state)] = await events(response, 1)
            point = state.get("point", {})
            return state["model"]["calls"] == 1 and point.get("answered_per_second") == 0

        await poll(told)


async def test_a_stream_of_so_many_events_ends() -> None:
    async with serving() as api:
        async with api.client.get("/live?events=3") as response:
            text = await response.text()
        assert text.count("event: state") == 3
        async with api.client.get("/live?events=1") as response:
            text = await response.text()
    assert '"ended_per_second":[' in text.replace(" ", ""), "the points so far come first"


async def test_the_pace_is_chosen_by_who_listens() -> None:
    async with serving() as api:
        started = time.monotonic()
        async with api.client.get("/live?events=2&every=10") as response:
            await response.text()
        assert time.monotonic() - started >= 0.45
        for bad in ("every=0", "every=31", "every=x", "events=0", "evry=1"):
            assert (await api.get(f"/live?{bad}"))[0] == 422


async def test_nothing_is_sampled_while_nobody_listens(lives: list[module.Live]) -> None:
    async with serving() as api:
        [live] = lives
        assert not live.sampling
        async with api.client.get("/live") as response:
            await events(response, 3)
            assert live.sampling
            assert live.listeners == 1

        async def quiet() -> bool:
            return not live.sampling and not live.listeners

        await poll(quiet)


async def test_too_many_listeners_are_sent_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.web.live.MAX_CLIENTS", 2)
    async with serving() as api, api.client.get("/live") as one, api.client.get("/live") as two:
        await events(one, 2)
        await events(two, 2)
        async with api.client.get("/live") as three:
            body = await three.json()
            assert (three.status, body["error"]["code"]) == (503, "too_many_listeners")
            assert "Retry-After" in three.headers


async def test_a_listener_that_takes_nothing_is_let_go_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch, lives: list[module.Live]
) -> None:
    stuck = asyncio.Event()
    writes = module._write

    async def write(response: Any, event: bytes) -> None:
        if event.startswith(b"event: state") and response.slow:
            await stuck.wait()
        await writes(response, event)

    class Response(module.web.StreamResponse):
        slow = False

        async def prepare(self, request: Any) -> Any:
            self.slow = request.headers.get("X-Slow") == "yes"
            return await super().prepare(request)

    monkeypatch.setattr(module, "_write", write)
    monkeypatch.setattr(module.web, "StreamResponse", Response)
    monkeypatch.setattr(module, "MAX_BEHIND", 3)
    async with serving() as api:
        slow = api.client.get("/live", headers={"X-Slow": "yes"})
        async with api.client.get("/live") as quick, slow as response:
            await events(response, 2)
            [live] = lives

            async def alone() -> bool:
                return live.listeners == 1

            await poll(alone)
            await events(quick, 5)
            stuck.set()


async def test_a_quiet_stream_is_kept_open_by_heartbeats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.web.live.HEARTBEAT_SECONDS", 0.05)
    async with serving() as api, api.client.get("/live?every=30") as response:
        await events(response, 2)
        assert await response.content.readuntil(b"\n\n") == b": still here\n\n"


async def test_a_stop_ends_every_stream_at_once() -> None:
    async with serving() as api, api.client.get("/live") as response:
        await events(response, 2)
        started = time.monotonic()
        await api.client.server.close()
        rest = await response.content.read()
        assert time.monotonic() - started < 2
        assert b"Traceback" not in rest


async def test_a_bad_sample_ends_no_stream(
    monkeypatch: pytest.MonkeyPatch, lives: list[module.Live]
) -> None:
    async with serving() as api, api.client.get("/live") as response:
        await events(response, 2)
        [live] = lives
        good = live._point
        faults = iter([True, True, False])

        def point(state: dict[str, Any]) -> Any:
            if next(faults, False):
                raise ZeroDivisionError
            return good(state)

        monkeypatch.setattr(live, "_point", point)
        assert len(await events(response, 3)) == 3
