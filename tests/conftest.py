"""What the whole suite shares: no settings from outside, and real servers started once for a run.

A server that can't be had skips a test locally and fails it in CI (`tests.servers.require`).
"""

from __future__ import annotations

import os
import signal

import pytest

from tests.servers import require
from tests.servers.kafka import KafkaServer, shared_kafka

pytest_plugins = ("tests.servers.fixtures",)


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
