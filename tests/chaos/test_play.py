"""How a scenario comes to its verdict, whatever happens in it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from app.chaos.outside import Outside
from app.chaos.play import _stop_all, play
from app.chaos.scenario import Facts, Options, Scenario, figure
from app.chaos.servers import ServerMissing
from app.chaos.stage import Stage

Perform = Callable[[Stage], Awaitable[Facts]]


class NoServers(Outside):
    """Servers that nobody starts: the scenarios here do not look at them."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, folder, None)
        self.mended = 0

    async def new_database(self) -> str:
        return "postgresql://nobody@/nothing"

    async def mend(self) -> None:
        self.mended += 1


async def verdict_of(perform: Perform, folder: Path) -> dict[str, Any]:
    async def nothing(stage: Stage) -> None:
        del stage

    scenario = Scenario(
        name="a-test",
        about="nothing",
        promise="none",
        faults=nothing,
        perform=perform,
        common=(figure("things", "things", 1),),
    )
    servers = NoServers(folder)
    result = await play(scenario, servers, Options(), folder)
    assert servers.mended == 1
    return result


@pytest.mark.parametrize(("things", "verdict"), [(1, "passed"), (2, "failed")])
async def test_the_checks_make_the_verdict(tmp_path: Path, things: int, verdict: str) -> None:
    async def perform(stage: Stage) -> Facts:
        stage.figures["things"] = things
        return Facts({"repeated_calls": 0, "lost": 0}, stage.figures)

    result = await verdict_of(perform, tmp_path)
    assert result["verdict"] == verdict
    assert [check["passed"] for check in result["checks"]] == [things == 1, True]
    assert result["audit"]["lost"] == 0


async def test_what_is_missing_here_is_a_reason_to_skip(tmp_path: Path) -> None:
    async def perform(stage: Stage) -> Facts:
        raise ServerMissing("no such thing")

    result = await verdict_of(perform, tmp_path)
    assert (result["verdict"], result["reason"]) == ("skipped", "no such thing")


async def test_an_error_is_a_verdict_with_its_traceback_and_ends_all_processes(
    tmp_path: Path,
) -> None:
    models = []

    async def perform(stage: Stage) -> Facts:
        models.append(stage.model)
        assert (await stage.model.stats())["calls"] == 0
        raise KeyError("surprise")

    result = await verdict_of(perform, tmp_path)
    assert result["verdict"] == "error"
    assert "surprise" in result["reason"]
    assert "Traceback" in result["notes"][0]
    with pytest.raises(OSError):
        await models[0].stats()


async def test_a_worker_that_does_not_stop_well_is_counted() -> None:
    """Its exit code, or that it did not end at all: what a stop left undone shows nowhere else."""

    def late(_: float) -> int:
        raise TimeoutError("still there")

    workers = [
        SimpleNamespace(name="good", stop=lambda _: 0),
        SimpleNamespace(name="bad", stop=lambda _: 4),
        SimpleNamespace(name="hangs", stop=late),
    ]
    stage: Any = SimpleNamespace(
        figures={},
        notes=[],
        crashed=[],
        ended_on_purpose=set(),
        cluster=SimpleNamespace(alive=workers, close=lambda: None),
    )
    await _stop_all(stage)
    assert stage.figures["bad_stops"] == 2
    assert [note.split()[0] for note in stage.notes] == ["bad", "hangs"]
