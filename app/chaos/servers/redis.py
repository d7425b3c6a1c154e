"""A real Redis server, in memory only, on a free port."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from pathlib import Path

from app.chaos.processes import end, free_ports, listens, spawn
from app.chaos.servers import ServerMissing

START_SECONDS = 30


class RedisServer:
    """A server on a port of its own; `kill` and `begin` keep the address."""

    def __init__(
        self,
        binary: str,
        folder: Path,
        port: int,
        password: str | None,
        tls: tuple[Path, Path] | None,
    ) -> None:
        self._binary = binary
        self._folder = folder
        self._port = port
        self._password = password
        self._tls = tls
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        user = f":{self._password}@" if self._password else ""
        return f"redis{'s' if self._tls else ''}://{user}127.0.0.1:{self._port}/0"

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def begin(self) -> None:
        """Start the process, without waiting until it accepts connections."""
        port = "--tls-port" if self._tls else "--port"
        command = [self._binary, port, str(self._port), "--bind", "127.0.0.1"]
        if self._tls:
            cert_file, key_file = map(str, self._tls)
            command += ["--port", "0", "--tls-auth-clients", "no"]
            command += ["--tls-cert-file", cert_file, "--tls-key-file", key_file]
        command += ["--save", "", "--appendonly", "no"]
        if self._password:
            command += ["--requirepass", self._password]
        self._process = spawn(command, self._folder / "redis.log", folder=self._folder)

    def start(self) -> None:
        """Start the process and wait until it accepts connections."""
        self.begin()
        deadline = time.monotonic() + START_SECONDS
        while not self.accepts():
            if time.monotonic() > deadline:
                self.kill()
                raise RuntimeError("the Redis server did not start in time")
            time.sleep(0.01)

    def accepts(self) -> bool:
        """Tell whether it accepts connections. Raises RuntimeError when it has ended."""
        if not self.running:
            raise RuntimeError("the Redis server did not start")
        return listens(self._port)

    def stop(self) -> None:
        end(self._process, seconds=10)

    def kill(self) -> None:
        """SIGKILL: what it held is gone."""
        end(self._process, seconds=0)

    def pause(self) -> None:
        """SIGSTOP: connections are accepted, nothing is answered."""
        if self._process is not None and self.running:
            self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        if self._process is not None and self.running:
            self._process.send_signal(signal.SIGCONT)


def start_redis(
    folder: Path,
    port: int | None = None,
    password: str | None = None,
    tls: tuple[Path, Path] | None = None,
) -> RedisServer:
    """Start a server in `folder`. Raises ServerMissing.

    `tls`: its certificate and key (PEM); clients need none.
    """
    binary = shutil.which("redis-server")
    if binary is None:
        raise ServerMissing("no Redis server here (Debian: apt-get install redis-server)")
    server = RedisServer(binary, folder, port or free_ports(1)[0], password, tls)
    server.start()
    return server
