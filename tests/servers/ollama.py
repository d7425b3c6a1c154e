"""The real Ollama server, built once from its Go module into `.cache/ollama`.

Needs Go, gcc and g++, and some fifteen minutes the first time. Its Go module lacks the vendored
nlohmann headers; those of llama-cpp-python 0.3.16 fit.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from app.adapters.llm.bundled import weights_path
from tests.servers import ServerMissing

REPOSITORY = Path(__file__).resolve().parents[2]
FOLDER = REPOSITORY / ".cache" / "ollama"
VERSION = "v0.17.4"
HEADERS = "llama-cpp-python==0.3.16"
MODEL = "smol"
START_SECONDS = 60


class OllamaServer:
    """A running server with the model `smol`. Beyond `max_queue` waiting calls it answers 503."""

    def __init__(self, binary: Path, folder: Path, *, max_queue: int = 512) -> None:
        self._binary = binary
        self._folder = folder
        self._max_queue = max_queue
        self._process: subprocess.Popen[bytes] | None = None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.host = f"127.0.0.1:{free.getsockname()[1]}"

    def start(self) -> None:
        """Start the process, wait until it answers, and create the model."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / "ollama.log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(self._binary), "serve"], env=self._environment(), stdout=log, stderr=log
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                words = (self._folder / "ollama.log").read_text(errors="replace")[-2000:]
                raise RuntimeError(f"Ollama did not start:\n{words}")
            time.sleep(0.1)
        modelfile = self._folder / "Modelfile"
        modelfile.write_text(f"FROM {weights_path()}\n", encoding="utf-8")
        subprocess.run(
            [str(self._binary), "create", MODEL, "-f", str(modelfile)],
            env=self._environment(),
            check=True,
            capture_output=True,
        )

    def stop(self) -> None:
        """Stop the process."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)

    def _environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "OLLAMA_HOST": self.host,
            "OLLAMA_MODELS": str(self._folder / "models"),
            "OLLAMA_MAX_QUEUE": str(self._max_queue),
            "OLLAMA_NUM_PARALLEL": "1",
            "HOME": str(self._folder),
        }

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://{self.host}/api/version", timeout=1):
                return True
        except (urllib.error.URLError, OSError):
            return False


def build_ollama() -> Path:
    """Return the server's binary, built if need be; `ServerMissing` without Go, gcc or g++."""
    binary = FOLDER / "bin" / "ollama"
    if binary.is_file():
        return binary
    for tool in ("go", "gcc", "g++"):
        if shutil.which(tool) is None:
            raise ServerMissing(f"building Ollama needs {tool}")
    FOLDER.mkdir(parents=True, exist_ok=True)
    headers = FOLDER / "headers"
    if not headers.is_dir():
        _fetch_headers(headers)
    subprocess.run(
        ["nice", "go", "install", f"github.com/ollama/ollama@{VERSION}"],
        env={
            **os.environ,
            "GOBIN": str(binary.parent),
            "CGO_ENABLED": "1",
            "CGO_CPPFLAGS": f"-I{headers}",
        },
        check=True,
    )
    return binary


def _fetch_headers(target: Path) -> None:
    """Put the vendored headers of llama.cpp into `target` (pip lives in a throw-away venv)."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "venv", f"{folder}/venv"], check=True)
        subprocess.run(
            f"{folder}/venv/bin/pip download -q --no-deps --no-binary :all: -d {folder} {HEADERS}",
            shell=True,
            check=True,
        )
        (sdist,) = Path(folder).glob("*.tar.gz")
        wanted = "/vendor/llama.cpp/vendor/"
        with tarfile.open(sdist) as archive:
            members = [member for member in archive if wanted in member.name]
            archive.extractall(folder, members=members, filter="data")
        (found,) = Path(folder).glob(f"*{wanted}")
        shutil.copytree(found, target)


if __name__ == "__main__":
    sys.stdout.write(f"{build_ollama()}\n")
