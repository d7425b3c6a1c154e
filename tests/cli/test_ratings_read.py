"""`ratings stats`, `recommend` and `reset`: of a running engine, else of the database."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import structlog
from aiohttp import web
from aiohttp.test_utils import TestServer
from rich.console import Console

from app.adapters.clock import SystemClock
from app.adapters.no_recommender import NoRecommender
from app.adapters.store.postgres.ratings import PostgresRatingStore
from app.adapters.store.rating_memory import MemoryRatingStore
from app.cli.main import main
from app.cli.ratings_tables import recommendation_table, stats_tables
from app.core.ratings.changes import RatingStats, StoredPartition
from app.core.ratings.shown import stats_json, windows_json
from app.factory import create_ratings_app
from app.ports.ratings import RatingPorts
from app.settings import load_settings
from app.web.elsewhere import hints
from app.web.server import make_web_app
from tests.adapters.store.rating_facts import FULL, changes, movie, recommendation

SAVED = changes(
    next_offset=21,
    totals=FULL,
    movies=[movie(7, 2, 13), movie(8)],
    recommendations=[recommendation(1, ids=range(1, 21))],
)


class Cli:
    """The command in this process: its exit code, what it wrote."""

    def __init__(self, capfd: pytest.CaptureFixture[str]) -> None:
        self._capfd = capfd

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(["ratings", *arguments])
        out, errors = self._capfd.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, out, errors

    def json(self, *arguments: str) -> Any:
        code, out, errors = self(*arguments, "--json")
        assert code == 0, errors
        return json.loads(out)


@pytest.fixture
def cli(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Cli]:
    monkeypatch.setenv("ANSWERLOOP_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("ANSWERLOOP_DATABASE", "memory:")
    monkeypatch.chdir(tmp_path)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield Cli(capfd)
    root.handlers[:] = handlers  # the command's own write to what is captured in this test
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture
def database(postgres_dsn: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A PostgreSQL that holds ratings; no engine runs."""
    monkeypatch.setenv("ANSWERLOOP_DATABASE", postgres_dsn)

    async def fill() -> None:
        store = PostgresRatingStore(postgres_dsn)
        await store.save(SAVED)
        await store.close()

    asyncio.run(fill())
    return postgres_dsn


@asynccontextmanager
async def engine(folder: Path, app: web.Application) -> AsyncIterator[str]:
    """Serve an API as the engine of a folder, in the name of another process that lives."""
    async with TestServer(app) as server:
        url = str(server.make_url("")).rstrip("/")
        file = folder / "engine.json"
        file.touch(mode=0o600)
        file.write_text(json.dumps({"pid": os.getppid(), "url": url}), encoding="utf-8")
        yield url


def ratings_api(store: MemoryRatingStore) -> web.Application:
    settings = load_settings()
    ports = RatingPorts(store, NoRecommender(), SystemClock())
    return make_web_app(None, settings, create_ratings_app(settings, ports).context)


async def ask(cli: Cli, arguments: Sequence[str]) -> tuple[int, str, str]:
    return await asyncio.to_thread(cli, *arguments)


async def test_stats_and_recommendations_come_from_the_running_engine(
    cli: Cli, tmp_path: Path
) -> None:
    store = MemoryRatingStore()
    await store.save(SAVED)
    async with engine(tmp_path, ratings_api(store)):
        code, out, errors = await ask(cli, ["stats", "--windows", "1", "--json"])
        assert (code, errors) == (0, "")
        found = json.loads(out)
        assert (found["valid"], found["movies"], found["rejected"]["malformed"]) == (11, 2, 4)
        assert [window["start"] for window in found["windows"]] == [1_600_000_060_000]
        _, out, _ = await ask(cli, ["recommend", "1", "-n", "3", "--json"])
        assert [each["movieId"] for each in json.loads(out)["movies"]] == [1, 2, 3]


async def test_the_tables_show_every_rule_every_rating_and_the_windows(
    cli: Cli, tmp_path: Path
) -> None:
    store = MemoryRatingStore()
    await store.save(SAVED)
    async with engine(tmp_path, ratings_api(store)):
        code, out, _ = await ask(cli, ["stats"])
        cells = [[cell.strip() for cell in line.split("│")[1:-1]] for line in out.splitlines()]
        rows = {row[0]: row[1:] for row in cells if row}
        assert code == 0
        assert rows["valid"] == ["11", "52.4 %"]
        assert rows["rejected: malformed"] == ["4", "19.0 %"]
        assert rows["rejected: user_id"] == ["0", "0 %"]
        assert rows["all"] == ["21", "100 %"]
        assert rows["5.0"] == ["10", "█" * 40]
        assert rows["0.5"] == ["1", "█" * 4]
        assert rows["2020-09-13T12:26:40.000Z"] == ["3", "2.500", "█" * 40]
        _, out, _ = await ask(cli, ["recommend", "1", "-n", "1"])
        assert "for user 1: model als-1, on 12 ratings" in out
        _, out, _ = await ask(cli, ["recommend", "2"])
        assert "nothing is known of user 2: popular movies" in out
        assert "7" in out


def test_large_counts_are_grouped_and_ids_are_not() -> None:
    totals = replace(SAVED.totals, valid=1_234_567)
    stats = RatingStats(totals, 26_744)
    movies = [{"movieId": 131_262, "score": 4.0, "confidence": 0.5}]
    console = Console(width=120)
    with console.capture() as captured:
        console.print(stats_tables(stats_json(stats) | windows_json(stats, 10)))
        console.print(recommendation_table({"userId": 9999, "source": "popular", "movies": movies}))
    assert {"1,234,567", "26,744", "131262", "9999:"} <= set(captured.get().split())


async def test_an_engine_without_ratings_leaves_them_to_the_database(
    cli: Cli, tmp_path: Path, database: str
) -> None:
    async with engine(tmp_path, web.Application(middlewares=[hints(["questions"])])):
        code, out, errors = await ask(cli, ["stats", "--json"])
        assert (code, errors) == (0, "")
        assert json.loads(out)["valid"] == 11


async def test_a_running_ratings_pipeline_is_not_reset(cli: Cli, tmp_path: Path) -> None:
    async with engine(tmp_path, ratings_api(MemoryRatingStore())):
        code, _, errors = await ask(cli, ["reset", "--yes"])
    assert (code, errors) == (2, "error: the engine runs the ratings pipeline: stop it first\n")


async def test_an_engine_that_says_nothing_useful_can_not_be_reached(
    cli: Cli, tmp_path: Path
) -> None:
    async def broken(_: web.Request) -> web.Response:
        return web.Response(text="<html>")

    app = web.Application()
    app.router.add_get("/{any:.*}", broken)
    async with engine(tmp_path, app):
        code, _, errors = await ask(cli, ["stats"])
    assert code == 4
    assert "does not answer" in errors


def test_without_an_engine_the_database_is_read(cli: Cli, database: str) -> None:
    found = cli.json("stats")
    assert (found["valid"], found["by_rating"]["5.0"], found["window_seconds"]) == (11, 10, 60)
    assert [each["movieId"] for each in cli.json("recommend", "1")["movies"]] == [*range(1, 11)]
    unknown = cli.json("recommend", "9", "-n", "1")
    assert (unknown["source"], unknown["movies"][0]["movieId"]) == ("popular", 7)


def test_a_reset_without_yes_says_what_would_go_and_changes_nothing(
    cli: Cli, database: str
) -> None:
    stored = {"events": 21, "ratings": 55, "users": 8, "movies": 2, "recommendations": 1}
    for arguments in ([], ["--dry-run"]):
        assert cli.json("reset", *arguments) == {
            "dry_run": True,
            "stored": stored,
            "partitions": None,
        }
    code, out, errors = cli("reset")
    assert (code, errors) == (0, "a dry run: --yes forgets it\n")
    assert "would be forgotten" in out
    assert cli.json("reset", "--yes") == {"dry_run": False, "stored": stored, "partitions": 1}
    assert cli.json("stats")["valid"] == 0

    async def load() -> StoredPartition:
        store = PostgresRatingStore(database)
        try:
            return await store.load(0)
        finally:
            await store.close()

    assert asyncio.run(load()) == StoredPartition()


@pytest.mark.parametrize(
    "arguments",
    [
        ["recommend"],
        ["recommend", "0"],
        ["recommend", "x"],
        ["recommend", "1", "-n", "101"],
        ["stats", "--windows", "0"],
        ["reset", "--yes", "--dry-run"],
    ],
)
def test_wrong_usage_is_told_with_exit_code_2(cli: Cli, arguments: list[str]) -> None:
    code, out, errors = cli(*arguments)
    assert (code, out) == (2, "")
    assert "Error: " in errors


def test_a_database_that_is_away_is_exit_code_4(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANSWERLOOP_DATABASE", "postgresql://app:s3cret@127.0.0.1:1/nowhere")
    for arguments in (["stats"], ["recommend", "1"], ["reset"]):
        code, out, errors = cli(*arguments)
        assert (code, out) == (4, "")
        assert "s3cret" not in errors


async def test_watching_prints_a_line_for_each_look_until_it_is_told_to_stop(
    database: str, tmp_path: Path
) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app.cli.main"),
        *("ratings", "stats", "--watch", "--every", "0.1", "--json"),
        cwd=tmp_path,
        env={
            **os.environ,
            "ANSWERLOOP_DATABASE": database,
            "ANSWERLOOP_DATA_DIR": str(tmp_path),
            "PYTHONPATH": str(Path(__file__).parents[2]),
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    for _ in range(3):
        line = await asyncio.wait_for(process.stdout.readline(), 60)
        assert json.loads(line)["valid"] == 11
    process.terminate()
    _, errors = await asyncio.wait_for(process.communicate(), 60)
    assert (process.returncode, errors) == (0, b"")
