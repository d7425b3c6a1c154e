"""The changes of docs/extending.md apply to the code as it is, and their tests pass."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, read_pages, section

PAGE = read_pages()["docs/extending.md"]
COPIED = ("app", "agents", "tables", "models", "tests", "setup.cfg")


def change(title: str) -> str:
    [diff] = re.findall(r"^```diff\n(.*?)^```", section(PAGE, f"## {title}") or "", re.M | re.S)
    return diff


@pytest.mark.parametrize("title", ["A stage", "An adapter", "A cause of failure"])
def test_the_change_does_what_the_page_says(title: str, tmp_path: Path) -> None:
    for name in _files():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    diff = change(title)
    applied = subprocess.run(
        ["git", "apply", "--recount", "-"],
        cwd=tmp_path,
        input=diff,
        capture_output=True,
        text=True,
        check=False,
    )
    assert applied.returncode == 0, applied.stderr
    brought = re.findall(r"^\+\+\+ b/(tests/\S+)$", diff, re.M)
    assert brought
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *brought],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path), "GIT_CEILING_DIRECTORIES": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout


def _files() -> list[str]:
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *COPIED]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]
