"""`answerloop load` as users call it."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.cli.inspection_command import Cli
from tests.load.service import HEADERS, make_app, served_beside


@pytest.fixture
def cli(capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: Any) -> Cli:
    monkeypatch.setenv("ANSWERLOOP_DATA_DIR", str(tmp_path / "data"))
    return Cli(capfd)


@pytest.fixture
def app() -> web.Application:
    return make_app()


@pytest.fixture
def url(app: web.Application) -> Iterator[str]:
    with served_beside(app) as url:
        yield url


def test_a_run_ends_with_its_figures(cli: Cli, url: str, tmp_path: Path) -> None:
    page = tmp_path / "load.html"
    options = ("--rate", "100", "--count", "40", "--arrivals", "poisson", "--report", str(page))
    found = cli.json("load", "--url", url, *options)
    assert found["requests"]["due"] == found["requests"]["accepted"] == 40
    assert found["states"] == {"validated": 40}
    assert found["ends"] == {
        "followed": 40,
        "settled": 40,
        "unsettled": 0,
        "unfollowed": 0,
        "pages_read": found["ends"]["pages_read"],
    }
    assert found["options"]["arrivals"] == "poisson"
    assert found["accept_seconds"]["count"] == 40
    assert "40 requests" in page.read_text(encoding="utf-8")


def test_tables_for_people_and_the_token_of_the_settings(
    cli: Cli, url: str, app: web.Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANSWERLOOP_API_TOKEN", "t0ken-of-the-test")
    code, out, _ = cli("load", "--url", url, "--rate", "100", "--count", "5", "--no-follow")
    assert code == 0
    assert "accepted" in out
    assert "100 %" in out
    assert "settled" not in out  # nothing was followed
    assert {each["Authorization"] for each in app[HEADERS]} == {"Bearer t0ken-of-the-test"}
    assert "t0ken" not in out


def test_ratings(cli: Cli, url: str) -> None:
    found = cli.json("load", "--url", url, "--ratings", "--batch", "7", "--count", "5")
    assert found["requests"]["accepted"] == 5
    assert found["ends"]["followed"] == 0


@pytest.mark.parametrize(
    ("limit", "code"),
    [
        (("--fail-p99", "1e5", "--fail-settled-p99", "1e5", "--fail-errors", "0"), 0),
        (("--fail-p99", "0"), 1),
        (("--fail-settled-p99", "0"), 1),
    ],
)
def test_limits_decide_the_exit_code(cli: Cli, url: str, limit: tuple[str, ...], code: int) -> None:
    found = cli.json("load", "--url", url, "--rate", "100", "--count", "10", *limit, code=code)
    assert bool(found["exceeded"]) is bool(code)


def test_errors_are_limited_and_told(cli: Cli) -> None:
    async def unauthorized(_: web.Request) -> web.StreamResponse:
        body = {"error": {"code": "unauthorized", "message": "no"}}
        return web.json_response(body, status=401)

    with served_beside(make_app(unauthorized)) as url:
        code, out, errors = cli(
            *("load", "--url", url, "--count", "4", "--rate", "100", "--fail-errors", "0.5")
        )
    assert code == 1
    assert "error: 401 unauthorized" in out
    assert "ANSWERLOOP_API_TOKEN" in errors
    assert "exceeded: errors: 100" in errors


def test_an_interrupt_ends_with_the_summary(cli: Cli) -> None:
    async def interrupt(request: web.Request) -> web.StreamResponse:
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.sleep(0)
        return web.json_response({"question_id": "0", "status": "accepted"}, status=202)

    with served_beside(make_app(interrupt)) as url:
        found = cli.json("load", "--url", url, "--rate", "0.01", "--duration", "600", code=130)
    assert found["interrupted"]
    assert found["requests"]["accepted"] == 1
    assert found["ends"]["unsettled"] == 1


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (("--burst", "1/1"), "--arrivals bursts"),
        (("--arrivals", "bursts", "--burst", "0/1"), "--burst"),
        (("--arrivals", "steps"), "--steps"),
        (("--arrivals", "steps", "--steps", "5"), "--steps"),
        (("--arrivals", "steps", "--steps", "5x1", "--rate", "3"), "--rate"),
        (("--words", "fixed:3"), "synthetic"),
        (("--questions", "synthetic", "--words", "many"), "--words"),
        (("--zipf", "1"), "--repeats"),
        (("--batch", "3"), "--ratings"),
        (("--ratings", "--repeats", "0.5"), "--repeats"),
        (("--no-follow", "--fail-settled-p99", "1"), "--no-follow"),
        (("--questions", "nowhere.csv"), "nowhere.csv"),
        (("--rate", "nan"), "--rate"),
        (("--url", "nothing"), "--url"),
        (("--url", "http://192.0.2.1:6066"), "--yes-remote"),
        (("--report", "/nowhere/at/all.html"), "/nowhere/at"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_sent(
    cli: Cli, options: tuple[str, ...], word: str
) -> None:
    assert word in cli.fails("load", *options, code=2)


def test_a_worker_that_is_not_there(cli: Cli) -> None:
    with served_beside(make_app()) as url:
        pass
    assert url in cli.fails("load", "--url", url, code=4)
