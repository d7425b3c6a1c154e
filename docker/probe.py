#!/usr/local/bin/python3 -IS
"""The image's health check: `probe [URL]` ends with 0 when the server answers 200, else with 1.

Without a URL it asks what the container's command serves (`/proc/1/cmdline`): `/readyz` of a worker
or of a score server; any other command serves nothing, and is well while it runs.
"""

from __future__ import annotations

import os
import sys
import urllib.error
import urllib.request
from pathlib import Path

SECONDS = 4
SERVERS = {"worker": "6066", "score-server": "8000"}


def url_of(command: list[str], environment: dict[str, str]) -> str | None:
    """Return what to ask of a server that was started like this, or None when it is no server."""
    role = next((word for word in command if word in SERVERS), None)
    if role is None:
        return None
    port = SERVERS[role]
    if role == "worker":
        port = environment.get("ANSWERLOOP_HTTP_PORT") or port
    for number, word in enumerate(command):
        name, _, value = word.partition("=")
        if name in {"--port", "--http-port"}:
            port = value or (command[number + 1 :] or [port])[0]
    return f"http://127.0.0.1:{port}/readyz"


def main() -> int:
    """Ask, and say on stdout what is wrong (`docker inspect` shows it)."""
    words = Path("/proc/1/cmdline").read_bytes().decode(errors="replace").split("\0")
    url = sys.argv[1] if len(sys.argv) > 1 else url_of(words, dict(os.environ))
    if url is None:
        return 0
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(url, timeout=SECONDS) as response:
            return 0 if response.status == 200 else 1
    except urllib.error.HTTPError as error:
        sys.stdout.write(f"{url}: {error.code} {error.read(500).decode(errors='replace')}\n")
    except OSError as error:
        sys.stdout.write(f"{url}: {error}\n")
    return 1


if __name__ == "__main__":
    raise SystemExit(main())
