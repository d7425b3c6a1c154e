"""Runs one bench as a process of its own and reads the JSON object that it prints."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
_TAIL = 1500
#: A bench that is told to end has servers to stop.
_END_SECONDS = 20.0


class BenchError(Exception):
    """A bench that gave no figures, and the end of what it said."""


def run_json(
    arguments: Sequence[str],
    limit_seconds: float,
    *,
    folder: Path = ROOT,
    environment: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Run this interpreter with `arguments` in `folder`; return the object on its stdout.

    Raises BenchError when it fails, prints no object, or takes longer than `limit_seconds`. Ended
    early (time, Ctrl-C) it is sent SIGINT, then SIGKILL, with all the processes of its group.
    """
    with TemporaryFile() as out, TemporaryFile() as said:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=folder,
            env=None if environment is None else dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=said,
            start_new_session=True,
        )
        try:
            code = process.wait(limit_seconds)
        except subprocess.TimeoutExpired:
            raise BenchError(f"not done within {limit_seconds:.0f} s") from None
        finally:
            end(process)
        out.seek(0)
        said.seek(0)
        words = said.read().decode(errors="replace").strip()[-_TAIL:]
        if code:
            raise BenchError(f"exit code {code}: {words}")
        return _object(out.read().decode(errors="replace"), words)


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process that still runs, the leader of its group, and what is left of the group."""
    if process.poll() is not None:
        return
    _signal(process, signal.SIGINT)
    with suppress(subprocess.TimeoutExpired):
        process.wait(_END_SECONDS)
    _signal(process, signal.SIGKILL)
    process.wait()


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _object(text: str, words: str) -> dict[str, Any]:
    try:
        found = json.loads(text[text.index("{") :])
    except ValueError:
        raise BenchError(f"printed no JSON object: {text[:200]!r} {words}") from None
    if not isinstance(found, dict):
        raise BenchError(f"printed no JSON object: {text[:200]!r}")
    return found
