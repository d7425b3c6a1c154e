"""The process's logging: what a traceback shows, in both formats."""

from __future__ import annotations

import io
import json
import logging
import sys
import threading
from collections.abc import Iterator

import pytest
import structlog

from app.core.log_rate import Throttle
from app.logs import Quieter, configure_logging, flush, quieten, suppressed


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


def test_an_outage_is_a_few_lines_and_a_count(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("console", "info")
    client, ours = logging.getLogger("aiokafka.conn"), structlog.get_logger("answerloop")
    for number in range(1000):
        client.error("Unable to connect to node %s", number)
        ours.warning("waiting", for_what="database", reason=f"connection {number} refused")
    client.error("another matter")
    before = capsys.readouterr().err
    assert before.count("Unable to connect") == 5
    assert before.count("waiting") == 5
    assert "another matter" in before
    assert suppressed() == 1990
    flush()
    after = capsys.readouterr().err
    assert after.count("suppressed 995 times") == 2
    assert "Unable to connect to node 999" in after


def test_an_error_that_is_new_is_always_shown(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("console", "info")
    ours = structlog.get_logger("answerloop")
    for _ in range(100):
        ours.error("stage_error", error="KeyError: 'this'")
    ours.error("stage_error", error="ZeroDivisionError: that")
    assert "ZeroDivisionError: that" in capsys.readouterr().err


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_the_count_is_a_line_like_the_others(
    log_format: str, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging("json" if log_format == "json" else "console", "info")
    for _ in range(9):
        logging.getLogger("faust").error("Commit failed")
    flush()
    last = capsys.readouterr().err.strip().splitlines()[-1]
    if log_format == "json":
        assert json.loads(last)["event"].startswith("suppressed 4 times")
    else:
        assert "suppressed 4 times" in last


def test_a_record_whose_template_does_not_fit_stops_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging("console", "info")
    quieten()
    record = logging.LogRecord("x", logging.ERROR, "", 0, "%d things", ("many",), None)
    assert all(each.filter(record) for each in logging.getLogger().handlers[0].filters)
    capsys.readouterr()


def test_a_late_timer_is_no_news(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("console", "info")
    logging.getLogger("mode.timers").warning("Timer %s is overlapping", "recommend")
    logging.getLogger("mode").warning("something else")
    shown = capsys.readouterr().err
    assert "overlapping" not in shown
    assert "something else" in shown


def test_many_threads_may_log_at_once() -> None:
    """A handler filters before it takes its lock."""
    handler = logging.StreamHandler(io.StringIO())
    quieter = Quieter(handler, Throttle(burst=1, window_seconds=0.0005))
    failed: list[KeyError] = []

    def log(number: int) -> None:
        try:
            for n in range(4_000):
                quieter.filter(logging.makeLogRecord({"name": "x", "msg": f"{number} {n % 3}"}))
        except KeyError as error:
            failed.append(error)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=log, args=(n % 2,)) for n in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert failed == []
