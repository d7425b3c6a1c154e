"""Completion in a real shell: the script is taken, and commands and options are completed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from app.cli.main import cli

BIN = Path(sys.executable).parent


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["answerloop", "gro"], ["groups"]),
        (["answerloop", "dlq", "redr"], ["redrive", "redrives"]),
        (["answerloop", "completion", "z"], ["zsh"]),
        (["answerloop", "models", "list", "--j"], ["--json"]),
        (["answerloop", "--ver"], ["--version"]),
    ],
)
def test_bash_completes(words: list[str], found: list[str]) -> None:
    bash = shutil.which("bash")
    assert bash, "bash is missing"
    script = f"""
        eval "$(answerloop completion bash)"
        COMP_WORDS=({" ".join(words)}); COMP_CWORD={len(words) - 1}
        complete -p answerloop > /dev/null && _answerloop_completion answerloop
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [bash, "--norc", "-c", script],
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == found


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_get_a_script_of_theirs(shell: str) -> None:
    done = CliRunner().invoke(cli, ["completion", shell])
    assert done.exit_code == 0
    assert f"_ANSWERLOOP_COMPLETE={shell}_complete" in done.output


def test_names_are_completed_without_importing_the_commands() -> None:
    code = (
        "import sys; from app.cli.main import cli; "
        "import click; found = cli.shell_complete(click.Context(cli), ''); "
        "assert {'run', 'dlq'} <= {each.value for each in found}; "
        "print([name for name in sys.modules if name in ('app.cli.run', 'app.settings')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
