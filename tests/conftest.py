"""What the whole suite shares: no settings from outside, and real servers started once for a run.

A server that can't be had skips a test locally and fails it in CI (`tests.servers.require`).

`make test` runs the suite in two calls: side by side in some processes, then the tests marked
`alone`, whose figures another test beside them would spoil. `pytest` runs all of them in turn.
"""

from __future__ import annotations

import os
import signal

import pytest

from tests.servers import require
from tests.servers.kafka import KafkaServer, shared_kafka

pytest_plugins = ("tests.servers.fixtures",)


MARKERS = (
    "alone: measures something that a test in another process would spoil (make test: by itself)",
    "slow: takes the better part of a minute, mostly waiting (side by side: it begins first)",
)


def pytest_configure(config: pytest.Config) -> None:
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """For `--dist loadgroup`: a file is a unit that one process runs, a slow test one of its own.

    The slow ones begin first, or the last of them would be waited for by all the others.
    """
    if config.getoption("dist", "no") != "loadgroup":
        return
    for item in items:
        if not (item.get_closest_marker("slow") or item.get_closest_marker("xdist_group")):
            item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


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


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> KafkaServer:
    """The broker of this run; each test takes topics and a group of its own, and never stops it."""
    return require(lambda: shared_kafka(tmp_path_factory.mktemp("kafka")))
