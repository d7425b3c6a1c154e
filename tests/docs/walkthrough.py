"""A small installation in which the commands of the pages are run as they are written.

A worker on the embedded log with a fake model; a second installation whose engine is stopped; the
files that the pages name. What a reader has to put in (ids, hosts, ports) is put in.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.docs.pages import ROOT
from tests.docs.shell_blocks import ShellCommand

BIN = Path(sys.executable).parent
SAMPLES = ROOT / "app" / "samples" / "questions.jsonl"
PATIENCE_SECONDS = 100.0
#: One that has nothing to say by then may have nothing to show: it is interrupted all the same.
SPEAKS_SECONDS = 30.0
#: A question that the model server refuses, so that there is a dead letter.
REFUSED = "¿Quién no tiene permiso?"
_CURL = '#!/bin/sh\nexec {curl} --fail-with-body -sS --max-time 60 "$@"\n'
_DRILL = [{"from": 0, "to": 1, "fault": "overloaded"}]
_MEND = "def fix(letter):\n    return None\n"


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended: its exit code, and all that it wrote."""

    code: int
    out: str


@dataclass(slots=True)
class Walkthrough:
    """The folder, the settings, and what is put into the commands (pattern -> text)."""

    folder: Path
    settings: dict[str, str]
    put_in: dict[str, str] = field(default_factory=dict)

    def run(
        self,
        command: ShellCommand,
        *,
        settings: Mapping[str, str] = {},
        interrupt_after: float | None = None,
    ) -> Ended:
        """Run a command in bash; with `interrupt_after`, Ctrl-C so many seconds after a word."""
        script = "\n".join((*command.before, command.text))
        for pattern, text in self.put_in.items():
            script = re.sub(pattern, text.replace("\\", r"\\"), script)
        name = f"{abs(hash((command.page, command.text, command.before)))}.out"
        place = self.folder / "out" / name
        with place.open("wb") as out:
            process = subprocess.Popen(
                ["bash", "--norc", "-o", "pipefail", "-c", script],
                cwd=self.folder,
                env=self.environment(settings),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            if interrupt_after is not None:
                self._interrupt(process, place, interrupt_after)
            code = process.wait(PATIENCE_SECONDS)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        return Ended(code, place.read_text(encoding="utf-8", errors="replace"))

    def _interrupt(self, process: subprocess.Popen[bytes], place: Path, seconds: float) -> None:
        end = time.monotonic() + SPEAKS_SECONDS
        while not place.stat().st_size and process.poll() is None and time.monotonic() < end:
            time.sleep(0.1)
        with suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)

    def environment(self, settings: Mapping[str, str]) -> dict[str, str]:
        """Return the environment of a command: no settings but these."""
        outside = {k: v for k, v in os.environ.items() if not k.startswith("ANSWERLOOP_")}
        path = os.pathsep.join((str(self.folder / "bin"), str(BIN), os.environ["PATH"]))
        own = {f"ANSWERLOOP_{k}": v for k, v in {**self.settings, **settings}.items()}
        return {**outside, **own, "PATH": path, "HOME": str(self.folder), "TOKEN": "none"}

    def answerloop(self, *arguments: str, **settings: str) -> str:
        """Run a command that must end well; return its stdout."""
        done = subprocess.run(
            [str(BIN / "answerloop"), *arguments],
            cwd=self.folder,
            env=self.environment(settings),
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        assert done.returncode in {0, 1}, f"{arguments}: {done.stdout}{done.stderr}"
        return done.stdout

    @contextmanager
    def serving(self, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
        """Run a server of ours in the background; end it as an operator would."""
        with (self.folder / f"{arguments[0]}.log").open("wb") as log:
            process = subprocess.Popen(
                [str(BIN / "answerloop"), *arguments],
                cwd=self.folder,
                env=self.environment({}),
                stdout=subprocess.PIPE,
                stderr=log,
            )
        try:
            yield process
        finally:
            process.terminate()
            process.communicate(timeout=60)

    def worker_url(self) -> str:
        """Wait until the worker is ready; return its URL."""
        place, end = self.folder / "data" / "engine.json", time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < end:
            with suppress(FileNotFoundError, urllib.error.URLError):
                url = str(json.loads(place.read_text())["url"])
                get(f"{url}/readyz")
                return url
            time.sleep(0.2)
        raise AssertionError((self.folder / "worker.log").read_text())


def get(url: str) -> Any:
    """Return the JSON at a URL of loopback."""
    with urllib.request.urlopen(url, timeout=60) as reply:
        return json.load(reply)


def write_files(folder: Path) -> None:
    """Write what the pages' commands read, but for what other commands make."""
    for name in ("out", "bin", "ml-latest-small", ".config/fish/completions"):
        (folder / name).mkdir(parents=True)
    every = [json.loads(line) for line in SAMPLES.read_text(encoding="utf-8").splitlines()]
    spanish = [row for row in every if row["metadata"]["language"] == "es"]
    rows = [*every[:4], *(row for row in spanish if row["original_answer"])][:6]
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (folder / "questions.jsonl").write_text(text, encoding="utf-8")
    table = ["question_text,original_answer"]
    table += [f'"{row["question_text"]}","{row["original_answer"]}"' for row in rows]
    (folder / "questions.csv").write_text("\n".join(table) + "\n", encoding="utf-8")
    (folder / "spanish.csv").write_text(  # as Excel on Windows saves it
        "\n".join(["Pregunta,Respuesta", *table[1:]]) + "\n", encoding="windows-1252"
    )
    pairs = [
        {"answer": row["original_answer"], "original_answer": row["original_answer"], "label": 1}
        for row in rows * 8
    ] + [
        {"answer": "Otra cosa, nada más.", "original_answer": row["original_answer"], "label": 0}
        for row in rows * 8
    ]
    lines = [json.dumps(pair, ensure_ascii=False) for pair in pairs]
    for name in ("pairs.jsonl", "answers.jsonl"):
        (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    table = ["answer,original_answer,label"]
    table += [f'"{p["answer"]}","{p["original_answer"]}",{p["label"]}' for p in pairs]
    for name in ("labelled.csv", "answers.csv"):
        (folder / name).write_text("\n".join(table) + "\n", encoding="utf-8")
    ratings = ["userId,movieId,rating,timestamp"]
    ratings += [
        f"{n % 40 + 1},{n % 29 + 1},{n % 9 / 2 + 0.5},{1_700_000_000 + n}" for n in range(800)
    ]
    (folder / "ml-latest-small" / "ratings.csv").write_text("\n".join(ratings) + "\n")
    (folder / "drill.json").write_text(json.dumps(_DRILL))
    (folder / "mend.py").write_text(_MEND)
    curl = folder / "bin" / "curl"
    curl.write_text(_CURL.format(curl=shutil.which("curl")))
    curl.chmod(0o755)
