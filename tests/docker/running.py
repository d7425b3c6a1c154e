"""The commands of compose.yml as processes here: same words, same environment, other addresses.

A service's environment is that of the file, but for `Stage.changed` and `Stage.addresses`: host
names become the real servers of the tests, ports and folders become free ones.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.chaos.processes import end, free_ports, last_words, spawn
from tests.docker.files import DOCKER, services

TOKEN = "token-of-the-test"
BIN = Path(sys.executable).parent


@dataclass
class Stage:
    """Services by name, started in a folder with secrets as files."""

    folder: Path
    #: Host and port in the file -> where that is here.
    addresses: dict[str, str]
    #: Variables of every service; those of ONLY_WHERE_GIVEN where the file has them.
    changed: dict[str, str]
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)

    def start(self, name: str, **variables: str) -> subprocess.Popen[bytes]:
        """Start a service by its entrypoint and its command, with these variables of `.env`."""
        service = services(**variables)[name]
        if "healthcheck" in service and "test" in service["healthcheck"]:
            self._take_port(name, service["healthcheck"]["test"][-1])
        words = [self._moved(str(word), name) for word in service["command"]]
        process = spawn(
            ["sh", str(DOCKER / "entrypoint.sh"), *words],
            self.log(name),
            environment=self._environment(name, service),
            folder=self.folder,
        )
        self.processes[name] = process
        return process

    def url(self, name: str) -> str:
        """Return the address of a service's HTTP server."""
        return f"http://127.0.0.1:{self.ports[name]}"

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def wait_healthy(self, name: str, seconds: float) -> None:
        """Run the service's own health check until it ends with 0."""
        _, program, url = services()[name]["healthcheck"]["test"]
        assert program == "probe"
        command = [sys.executable, "-IS", str(DOCKER / "probe.py"), self._moved(url, name)]
        deadline = time.monotonic() + seconds
        while (done := subprocess.run(command, capture_output=True, check=False)).returncode:
            assert self.processes[name].poll() is None, last_words(self.log(name))
            assert time.monotonic() < deadline, (done.stdout, last_words(self.log(name)))
            time.sleep(0.2)

    def close(self) -> None:
        for process in self.processes.values():
            end(process, seconds=0)

    def _take_port(self, name: str, url: str) -> None:
        [self.ports[name]] = free_ports(1)
        port = url.split(":")[2].partition("/")[0]
        self.addresses[f"{name}:{port}"] = f"127.0.0.1:{self.ports[name]}"

    def _moved(self, text: str, name: str) -> str:
        """Put real addresses in place of those of the network inside."""
        for host, address in self.addresses.items():
            text = text.replace(host, address)
        if name in self.ports:
            own = str(self.ports[name])
            text = re.sub(r"127\.0\.0\.1:(6066|8000)(?=/)", f"127.0.0.1:{own}", text)
            text = own if text in {"6066", "8000"} else text
        return "127.0.0.1" if text == "0.0.0.0" else text

    def _environment(self, name: str, service: dict[str, Any]) -> dict[str, str]:
        secrets = self.folder / f"secrets-{name}"
        secrets.mkdir()
        for secret in service["secrets"]:
            value = TOKEN if secret["source"] == "api_token" else ""
            (secrets / secret["target"]).write_text(value)
        outside = {k: v for k, v in os.environ.items() if not k.startswith(("ANSWERLOOP_", "PG"))}
        given = {k: self._moved(str(v), name) for k, v in service.get("environment", {}).items()}
        return {
            **outside,
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "SECRETS_DIR": str(secrets),
            **given,
            **{k: v for k, v in self.changed.items() if k in given or k not in ONLY_WHERE_GIVEN},
            **(
                {"ANSWERLOOP_SCORER": "memory:"}
                if given.get("ANSWERLOOP_SCORER") == "local:"
                else {}
            ),
            "ANSWERLOOP_DATA_DIR": str(self.folder / f"data-{name}"),
        }


#: A service that does not name one of these keeps its default.
ONLY_WHERE_GIVEN = {f"ANSWERLOOP_{name}" for name in ("LLM", "DATABASE", "CACHE")}
