"""What starts in the container, and what asks whether it is well."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tests.docker.files import DOCKER
from tests.docker.test_dockerfile import tool

SHOW = (
    '#!/bin/sh\necho "$# $1|$2"\necho "token=$ANSWERLOOP_API_TOKEN password=${PGPASSWORD-none}"\n'
)


def run_entrypoint(
    folder: Path, *words: str, also: Mapping[str, str] = {}, **secrets: str
) -> subprocess.CompletedProcess[str]:
    """Run entrypoint.sh with an `answerloop` that only shows how it was called."""
    (folder / "answerloop").write_text(SHOW)
    (folder / "answerloop").chmod(0o755)
    (folder / "secrets").mkdir()
    for name, value in secrets.items():
        (folder / "secrets" / name).write_text(value)
    return subprocess.run(
        ["sh", str(DOCKER / "entrypoint.sh"), *words],
        env={"PATH": f"{folder}:/usr/bin:/bin", "SECRETS_DIR": str(folder / "secrets"), **also},
        capture_output=True,
        text=True,
        check=False,
    )


def test_secret_files_become_settings_and_words_stay_as_they_are(tmp_path: Path) -> None:
    done = run_entrypoint(
        tmp_path, "topics", "a b $HOME", ANSWERLOOP_API_TOKEN="¿q'\"$x`y`?\n", PGPASSWORD="pw x"
    )
    assert done.stdout == "2 topics|a b $HOME\ntoken=¿q'\"$x`y`? password=pw x\n"
    assert done.returncode == 0


def test_without_secrets_nothing_is_set(tmp_path: Path) -> None:
    assert run_entrypoint(tmp_path, "worker").stdout == "1 worker|\ntoken= password=none\n"


def test_an_empty_secret_leaves_a_setting_of_the_environment_alone(tmp_path: Path) -> None:
    own = {"ANSWERLOOP_API_TOKEN": "of .env"}
    done = run_entrypoint(tmp_path, "worker", also=own, ANSWERLOOP_API_TOKEN="")
    assert done.stdout == "1 worker|\ntoken=of .env password=none\n"


def test_other_files_are_no_settings(tmp_path: Path) -> None:
    done = run_entrypoint(tmp_path, "worker", postgres_password="x", PATH="/nowhere")
    assert done.stdout == "1 worker|\ntoken= password=none\n"


def test_a_secret_that_can_not_be_read_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "ANSWERLOOP_API_TOKEN").mkdir()  # can't be read, whoever asks
    done = subprocess.run(
        ["sh", str(DOCKER / "entrypoint.sh"), "worker"],
        env={"PATH": "/usr/bin:/bin", "SECRETS_DIR": str(tmp_path / "secrets")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "ANSWERLOOP_API_TOKEN can't be read" in done.stderr


@pytest.mark.parametrize(
    ("command", "environment", "url"),
    [
        ("worker", {}, "http://127.0.0.1:6066/readyz"),
        ("worker", {"ANSWERLOOP_HTTP_PORT": "7000"}, "http://127.0.0.1:7000/readyz"),
        ("worker --http-port 7001", {}, "http://127.0.0.1:7001/readyz"),
        ("score-server --port=9000", {}, "http://127.0.0.1:9000/readyz"),
        ("score-server", {"ANSWERLOOP_HTTP_PORT": "7000"}, "http://127.0.0.1:8000/readyz"),
        ("topics create", {}, None),
    ],
)
def test_the_probe_knows_what_the_command_serves(
    command: str, environment: dict[str, str], url: str | None
) -> None:
    words = ["/opt/answerloop/bin/python", "/opt/answerloop/bin/answerloop", *command.split()]
    assert tool("probe").url_of(words, environment) == url


class Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(int(self.path[1:]))
        self.end_headers()
        self.wfile.write("está empezando".encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Answers) as listening:
        thread = threading.Thread(target=listening.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.server_port}"
        listening.shutdown()


def probe(url: str) -> subprocess.CompletedProcess[str]:
    """Run the probe as the image does: isolated, without site packages, proxies or not."""
    return subprocess.run(
        [sys.executable, "-IS", str(DOCKER / "probe.py"), url],
        env={"http_proxy": "http://127.0.0.1:9", "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_probe_tells_ready_from_not_ready_from_nobody(server: str) -> None:
    assert probe(f"{server}/200").returncode == 0
    refused = probe(f"{server}/503")
    assert refused.returncode == 1
    assert "503" in refused.stdout
    assert "empezando" in refused.stdout
    nobody = probe("http://127.0.0.1:1/readyz")
    assert nobody.returncode == 1
    assert "refused" in nobody.stdout.lower()
