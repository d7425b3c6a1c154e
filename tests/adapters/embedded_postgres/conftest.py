"""A folder of a database, and its server: run here, or by another process."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.adapters.embedded_postgres.server import EmbeddedPostgres
from tests.adapters.embedded_postgres.probes import eventually, servers_of

_AS_ANOTHER_PROCESS = """
import sys
from pathlib import Path
from app.adapters.embedded_postgres.server import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]))
server.start()
print(server.pid, flush=True)
sys.stdin.read()
server.stop()
"""


@pytest.fixture(scope="module")
def made_folder() -> Iterator[Path]:
    """A folder with data in it, where an unprivileged user can reach it when we are root."""
    with tempfile.TemporaryDirectory(prefix="answerloop-embedded-") as name:
        Path(name).chmod(0o755)
        yield Path(name) / "database"


@pytest.fixture
def folder(made_folder: Path) -> Iterator[Path]:
    yield made_folder
    assert servers_of(made_folder) == [], "a test left its server behind"


@pytest.fixture
def server(folder: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(folder)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def other(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that runs the database; its first line is the server's process id."""
    process = subprocess.Popen(
        [sys.executable, "-c", _AS_ANOTHER_PROCESS, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    yield process
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        assert pipe is not None
        pipe.close()
    eventually(lambda: servers_of(folder) == [])
