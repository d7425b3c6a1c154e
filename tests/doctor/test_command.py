"""`answerloop doctor` and `config check` as they are called: tables, JSON, exit codes."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from app.doctor.catalogue import CHECKS
from app.transports.embedded.sqlite import SqliteStorage
from tests.cli.inspection_command import Cli

_HANGS = """
import threading
from app.doctor import catalogue
from app.doctor.check import Check
async def hang(_):
    threading.Event().wait()
catalogue.CHECKS = (Check("hangs", "a", "what hangs", hang, seconds=0.2),)
from app.cli.main import main
import sys
sys.argv = ["answerloop", "doctor"]
main()
"""


@pytest.fixture
def cli(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Cli]:
    """The command on an installation in a folder, with nothing large in it."""
    chosen = {"SCORER": "memory:", "DATABASE": "memory:", "LLM": "bundled:", "HTTP_PORT": "0"}
    for name, value in chosen.items():
        monkeypatch.setenv(f"ANSWERLOOP_{name}", value)
    monkeypatch.chdir(tmp_path)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {n: logging.getLogger(n).level for n in ("aiokafka", "asyncio", "app", "answerloop")}
    yield Cli(capfd)
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)
    structlog.reset_defaults()


def test_every_check_is_in_the_json_and_warnings_are_no_failure(cli: Cli) -> None:
    found = cli.json("doctor")
    assert [row["check"] for row in found["checks"]] == [check.name for check in CHECKS]
    assert found["status"] == "warning", "the scorer of tests"
    assert sum(found["counts"].values()) == len(CHECKS)
    assert found["counts"]["broken"] == 0
    assert all(row["mends"] for row in found["checks"] if row["status"] == "warning")
    assert cli.json("doctor", "--only", "scorer", "--strict", code=1)["status"] == "warning"
    assert cli.json("doctor", "--only", "tmp", "--strict")["status"] == "ok"


def test_a_problem_is_shown_with_its_mend_and_fails(cli: Cli, tmp_path: Path) -> None:
    log = SqliteStorage(tmp_path / "data" / "log")
    log.create_topic("llm-requests", 3)
    log.create_topic("dead-letters", 8)
    log.close()
    code, out, _ = cli("doctor", "--only", "topic-partitions", "--only", "database")
    assert code == 1
    flat = " ".join(out.replace("│", " ").split())
    assert "llm-requests has 3" in flat or "dead-letters has 8" in flat
    assert "= ANSWERLOOP_TOPIC_PREFIX=new-" in flat
    assert "1 problem" in flat
    assert "skipped, there is no database to look at yet: database-schema" in flat


def test_settings_that_do_not_load_are_a_result_not_an_end(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANSWERLOOP_PARTITION", "4")
    found = cli.json("doctor", code=1)
    [row] = found["checks"]
    assert (row["check"], row["status"]) == ("settings", "problem")
    assert "did you mean ANSWERLOOP_PARTITIONS?" in row["seen"]
    assert row["mends"] == [{"kind": "command", "text": "unset ANSWERLOOP_PARTITION"}]
    monkeypatch.delenv("ANSWERLOOP_PARTITION")
    monkeypatch.setenv("ANSWERLOOP_PARTITIONS", "x")
    assert _settings_mend(cli) == ("setting", "ANSWERLOOP_PARTITIONS=")
    monkeypatch.delenv("ANSWERLOOP_PARTITIONS")
    monkeypatch.setattr("app.config.collector._installed", lambda: False)
    monkeypatch.setenv("ANSWERLOOP_OTEL_ENDPOINT", "http://collector:4318")
    assert _settings_mend(cli) == ("command", "pip install 'answerloop[otel]'")


def test_an_env_file_that_can_not_be_used_is_a_result(cli: Cli) -> None:
    env = Path(".env")
    env.write_text("ANSWERLOOP_PARTITION=4\n", encoding="utf-8")
    kind, text = _settings_mend(cli)
    assert kind == "advice"
    assert "ANSWERLOOP_PARTITION in .env" in text
    env.write_bytes("ANSWERLOOP_APP_ID=años\n".encode("latin-1"))
    [row] = cli.json("doctor", code=1)["checks"]
    assert row["seen"] == f"{env.absolute()} is not UTF-8: save it as UTF-8"


def _settings_mend(cli: Cli) -> tuple[str, str]:
    [row] = cli.json("doctor", code=1)["checks"]
    [mend] = row["mends"]
    return mend["kind"], mend["text"]


def test_a_check_that_is_not_there_is_told(cli: Cli) -> None:
    assert "--list" in cli.fails("doctor", "--only", "databse", code=3)
    code, out, _ = cli("doctor", "--list")
    assert code == 0
    assert all(check.name in out for check in CHECKS)


def test_hostile_text_does_not_steer_the_terminal(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANSWERLOOP_DATA_DIR", str(tmp_path / "a\x1b[31m[bold]b"))
    _, out, _ = cli("doctor", "--only", "data-dir")
    assert "\x1b" not in out
    assert "[bold]" in out.replace("\n", "")


def test_config_check_tells_what_can_be_reached(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    found = cli.json("config", "check")
    assert list(found) == ["broker", "database", "cache", "model", "scorer", "gate"]
    assert {part["status"] for part in found.values()} == {"up"}
    monkeypatch.setenv("ANSWERLOOP_SCORER", "http://127.0.0.1:1")
    monkeypatch.setenv("ANSWERLOOP_QUALITY_PROFILE", "none")
    down = cli.json("config", "check", code=4)
    assert down["scorer"]["status"] == "down"
    assert "127.0.0.1:1" in down["scorer"]["detail"]
    assert down["broker"]["status"] == "up"


def test_config_show_says_where_a_value_comes_from(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("ANSWERLOOP_PARTITIONS=4\n")
    rows = cli.json("config", "show")
    sources = {name.removeprefix("ANSWERLOOP_"): row["from"] for name, row in rows.items()}
    chosen = {name: sources[name] for name in ("PARTITIONS", "SCORER", "GUARDS")}
    assert chosen == {"PARTITIONS": ".env", "SCORER": "environment", "GUARDS": "default"}


def test_the_command_ends_although_a_check_never_does(tmp_path: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("ANSWERLOOP_")}
    environment["PYTHONPATH"] = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", _HANGS],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "no answer within 0.2 s" in done.stdout


def test_json_is_json_beside_progress(cli: Cli) -> None:
    _, out, _ = cli("doctor", "--json", "--only", "machine")
    assert {row["area"] for row in json.loads(out)["checks"]} == {"machine"}
