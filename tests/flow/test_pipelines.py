"""Both pipelines in one process: two groups on one log, one server, one start and one stop."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from uuid import uuid4

import aiohttp
import pytest

from app.broker import broker_url
from app.errors import SettingsError
from app.transports import storage_for
from tests.flow.engine import make_ports, poll, question
from tests.flow.ratings_stage import FlushingStage, both, quick_settings, rate

USERS = range(1, 21)


def committed(settings: object, group: str) -> int:
    """Return how many messages of `ratings` a group has done with."""
    offsets = storage_for(broker_url(settings)).committed(group)  # type: ignore[arg-type]
    return sum(offset for tp, offset in offsets.items() if tp[0] == "ratings")


async def get(url: str, path: str) -> tuple[int, dict[str, object]]:
    async with aiohttp.ClientSession() as session, session.get(url + path) as response:
        return response.status, await response.json()


@pytest.mark.parametrize("kind", ["memory", "log"])
async def test_both_work_on_one_log_each_as_a_group_of_its_own_and_go_on_after_a_restart(
    kind: str, tmp_path: Path
) -> None:
    broker = "log:" if kind == "log" else f"memory://{uuid4().hex}"
    settings = quick_settings(tmp_path, broker=broker)
    ports = make_ports()
    first = FlushingStage()
    async with both(settings, ports, first, keep=True) as (_, engine):
        asked = question("Who?")
        await engine.submit(asked)
        await rate(settings, *USERS)
        assert (await engine.final(asked.question_id)).status == "validated"

        async def all_taken() -> bool:
            return len(first.taken) == len(USERS)

        await poll(all_taken)
        assert committed(settings, "answerloop-ratings") == 0
        first.flush.set()

        async def all_committed() -> bool:
            return committed(settings, "answerloop-ratings") == len(USERS)

        await poll(all_committed)
        assert committed(settings, "answerloop-questions") == 0

    second = FlushingStage()
    second.flush.set()
    async with both(settings, ports, second) as (_, engine):
        await rate(settings, 99)
        again = question("And who?")
        await engine.submit(again)
        await engine.final(again.question_id)

        async def one_taken() -> bool:
            return bool(second.taken)

        await poll(one_taken)
        assert len(second.taken) == 1


async def test_what_is_not_flushed_when_it_stops_comes_again(tmp_path: Path) -> None:
    settings = quick_settings(tmp_path, broker=f"memory://{uuid4().hex}")
    first, second = FlushingStage(), FlushingStage()
    async with both(settings, make_ports(), first, keep=True):
        await rate(settings, *USERS)

        async def all_taken(stage: FlushingStage = first) -> bool:
            return len(stage.taken) == len(USERS)

        await poll(all_taken)
    async with both(settings, make_ports(), second):
        second.flush.set()

        async def again() -> bool:
            return len(second.taken) == len(USERS)

        await poll(again)
        assert sorted(second.taken) == sorted(first.taken)


async def test_one_server_tells_of_both(tmp_path: Path) -> None:
    settings = quick_settings(tmp_path, broker=f"memory://{uuid4().hex}")
    async with both(settings, make_ports(), FlushingStage()) as (running, engine):
        assert running.ratings is not None
        url = running.questions.boot_strategy.http.url  # type: ignore[union-attr]
        assert running.ratings.boot_strategy.http is None
        assert await get(url, "/readyz") == (200, {"status": "ready"})
        _, health = await get(url, "/health")
        assert list(health["dependencies"]) == ["broker", "database", "cache", "model", "scorer"]  # type: ignore[call-overload]
        running.ratings.context.metrics.count("db_errors")
        engine.context.metrics.count("db_errors")
        assert (await get(url, "/metrics"))[1]["db_errors"] == 2
        running.ratings.context.stuck = "no progress: ratings[0]"
        status, body = await get(url, "/readyz")
        assert (status, body["error"]["message"]) == (503, "ratings: no progress: ratings[0]")  # type: ignore[index]


async def test_what_waits_for_the_next_flush_is_not_stuck(tmp_path: Path) -> None:
    settings = quick_settings(tmp_path, broker=f"memory://{uuid4().hex}", stuck_seconds=1.0)
    stage = FlushingStage()
    async with both(settings, make_ports(), stage) as (running, _):
        await rate(settings, *USERS)
        end = asyncio.get_running_loop().time() + 4.0
        while asyncio.get_running_loop().time() < end:
            assert all(app.context.stuck is None for app in running.apps)
            await asyncio.sleep(0.05)
        stage.flush.set()


async def test_a_stage_that_hangs_is_stuck_and_the_other_pipeline_is_not(tmp_path: Path) -> None:
    settings = quick_settings(tmp_path, broker=f"memory://{uuid4().hex}", stuck_seconds=1.0)
    stage = FlushingStage(named=False)
    async with both(settings, make_ports(), stage) as (running, engine):
        await rate(settings, *USERS)

        async def red() -> str | None:
            assert running.ratings is not None
            return running.ratings.context.stuck

        assert "ratings[" in await poll(red)
        assert engine.context.stuck is None
        stage.flush.set()


async def test_a_crash_of_one_is_told(tmp_path: Path) -> None:
    settings = quick_settings(tmp_path, broker=f"memory://{uuid4().hex}")
    async with both(settings, make_ports(), FlushingStage()) as (running, _):
        assert running.ratings is not None
        waiting = asyncio.ensure_future(running.crashed())
        await asyncio.sleep(0)
        await running.ratings.crash(RuntimeError("on purpose"))
        assert await waiting is running.ratings


async def test_when_one_cant_start_the_other_is_stopped(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = quick_settings(
            tmp_path, broker=f"memory://{uuid4().hex}", http_port=taken.getsockname()[1]
        )
        stage = FlushingStage()
        with pytest.raises(SettingsError, match="ANSWERLOOP_HTTP_PORT"):
            async with both(settings, make_ports(), stage, keep=True):
                raise AssertionError("it must not start")
    settings = quick_settings(tmp_path, broker=settings.broker)
    async with both(settings, make_ports(), stage) as (running, _):  # the groups are free
        assert all(not app.should_stop for app in running.apps)
