"""The process's logging: what a traceback shows, in both formats."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest

from app.logs import configure_logging


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers, root.level = handlers, level


def fail_with_a_secret() -> None:
    secret = "".join(["canary", "-", "42"])
    try:
        raise ValueError(f"something of {len(secret)} characters is wrong")
    except ValueError:
        logging.getLogger("library").exception("failed")


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_a_traceback_is_shown_without_local_variables(
    log_format: str, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging("json" if log_format == "json" else "console", "info")
    fail_with_a_secret()
    shown = capsys.readouterr().err
    assert "canary-42" not in shown
    assert "fail_with_a_secret" in shown
    assert "something of 9 characters is wrong" in shown
    if log_format == "json":
        assert json.loads(shown)["event"] == "failed"


def test_kafkas_client_says_the_same_thing_once_in_a_while(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging("console", "info")
    client, ours = logging.getLogger("aiokafka.conn"), logging.getLogger("answerloop")
    for number in range(50):
        client.error("Unable to connect to node %s", number)
        ours.error("failed")
    client.error("another matter")
    shown = capsys.readouterr().err
    assert shown.count("Unable to connect") == 1
    assert shown.count("failed") == 50
    assert "another matter" in shown
