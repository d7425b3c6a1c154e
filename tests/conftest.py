"""What the whole suite shares: no settings from outside, and real servers started once for a run.

A server that can't be had skips a test locally and fails it in CI (`tests.servers.require`).

`make test` runs the suite in two calls: side by side in some processes, then the tests marked
`alone`, whose figures another test beside them would spoil. `pytest` runs all of them in turn.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.servers import require
from tests.servers.kafka import KafkaServer, shared_kafka

pytest_plugins = ("tests.servers.fixtures",)


ALONE = "alone: measures what a test in another process would spoil (make test: by itself)"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", ALONE)
    # A thousand processes are started: without compiled Python kept, each would compile it anew.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    if (file := os.environ.get("TEST_DURATIONS")) and config.getoption("dist", "no") == "loadfile":
        from tests.side_by_side import Durations

        config.pluginmanager.register(Durations(Path(file)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Share the tests out by `tests.side_by_side` (None: as the command line says)."""
    if config.getoption("dist") != "loadfile":
        return None
    from tests.side_by_side import Units

    return Units(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput"):  # a process of xdist's
        from tests.side_by_side import order

        order(items)


@pytest.fixture(scope="session", autouse=True)
def _no_settings_from_outside() -> None:
    """Tests choose their settings: those of the shell would change what they show."""
    for name in [n for n in os.environ if n.startswith("ANSWERLOOP_") and "TEST" not in n]:
        del os.environ[name]


@pytest.fixture(scope="session", autouse=True)
def _interrupts_arrive() -> None:
    """A suite that is started in the background ignores SIGINT, and so would what it starts."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """A command that runs in this process sets up logging, on streams that end with its test."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> KafkaServer:
    """The broker of this run; each test takes topics and a group of its own, and never stops it."""
    return require(lambda: shared_kafka(tmp_path_factory.mktemp("kafka")))
