"""A real Redis server for tests, in memory only, on a free port."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from tests.servers import ServerMissing


@dataclass(frozen=True)
class RedisServer:
    """A running server."""

    url: str
    process: subprocess.Popen[bytes]

    def stop(self) -> None:
        self.resume()
        self.process.terminate()
        self.process.wait(timeout=10)

    def pause(self) -> None:
        """SIGSTOP: connections are accepted, nothing is answered."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.process.send_signal(signal.SIGCONT)


def start_redis(folder: Path, port: int | None = None, password: str | None = None) -> RedisServer:
    """Start a server in `folder`. Raises ServerMissing."""
    binary = shutil.which("redis-server")
    if binary is None:
        raise ServerMissing("no Redis server here (Debian: apt-get install redis-server)")
    port = port or _free_port()
    options = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    if password:
        options += ["--requirepass", password]
    process = subprocess.Popen(
        [binary, "--port", str(port), *options],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    user = f":{password}@" if password else ""
    _wait_until_it_listens(port, process)
    return RedisServer(f"redis://{user}127.0.0.1:{port}/0", process)


def _wait_until_it_listens(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    process.kill()
    raise RuntimeError("the Redis server did not start")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
