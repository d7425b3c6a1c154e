"""Child processes that end when this process does, however that ends, and ports for them."""

from __future__ import annotations

import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from app.launcher import through_launcher


def spawn(
    command: Sequence[str],
    log: Path,
    *,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Start a process whose words go to `log`.

    It has a session of its own: Ctrl-C reaches us, and we end it. Linux ends it, too, when the
    calling thread ends: call this from the main thread, or from one that lives as long.
    """
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603 - commands of our own
            through_launcher(command, death_signal=signal.SIGKILL),
            cwd=folder,
            env=None if environment is None else dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def end(process: subprocess.Popen[bytes] | None, *, seconds: float = 30.0) -> None:
    """End a process and wait for it: SIGTERM, and SIGKILL after `seconds`; 0 is at once."""
    if process is None or process.poll() is not None:
        return
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGCONT)  # one that is stopped would never hear of it
        process.send_signal(signal.SIGTERM if seconds else signal.SIGKILL)
    try:
        process.wait(seconds or 10.0)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(10)


def free_ports(count: int) -> list[int]:
    """Return ports of the loopback address that nobody has now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def listens(port: int) -> bool:
    """Tell whether a loopback port accepts connections."""
    try:
        with socket.create_connection(("127.0.0.1", port), 1):
            return True
    except OSError:
        return False


def last_words(log: Path, characters: int = 3000) -> str:
    """Return the end of a log."""
    try:
        return log.read_text(errors="replace")[-characters:]
    except FileNotFoundError:
        return ""
