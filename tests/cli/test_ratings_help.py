"""`--help` of the ratings commands is quick: it loads no driver and no model library."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("faust", "numpy", "aiokafka", "aiohttp", "asyncpg", "torch")
PROGRAM = f"""
import sys
from click.testing import CliRunner
from app.cli.main import cli
from app.cli.ratings import COMMANDS
for name in COMMANDS:
    result = CliRunner().invoke(cli, ["ratings", name, "--help"])
    assert result.exit_code == 0 and "answerloop ratings " + name in result.output, result.output
print(*[name for name in {HEAVY!r} if name in sys.modules])
"""


def test_help_of_every_command_has_examples_and_loads_nothing_heavy() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []
