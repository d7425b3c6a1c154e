"""One check on an installation of a test's making, and its mend, run as a user would type it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from app.doctor.catalogue import named
from app.doctor.check import Site
from app.doctor.outcome import Outcome
from app.doctor.running import examine
from app.settings import PREFIX, Settings, load_settings
from tests.servers.kafka import libraries

_KAFKA_TOOLS = {
    "kafka-topics.sh": "org.apache.kafka.tools.TopicCommand",
    "kafka-configs.sh": "kafka.admin.ConfigCommand",
}
_ROOT = Path(__file__).parents[2]


def site(folder: Path, **settings: Any) -> Site:
    """An installation with embedded parts in a folder, unless the settings say otherwise."""
    chosen_settings = {"scorer": "memory:", "llm": "bundled:", "database": "memory:", **settings}
    return Site(load_settings(data_dir=folder / "data", **chosen_settings), watch_seconds=0.2)


def look(at: Site, name: str) -> Outcome:
    """Run one check, and what it needs. Blocks: not on the loop of a server that it asks."""
    try:
        results = examine(at, named([name]))
    finally:
        at.close()
    return next(result.outcome for result in results if result.check == name)


def mends(outcome: Outcome, kind: str) -> list[str]:
    return [mend.text for mend in outcome.mends if mend.kind == kind]


def type_in(command: str, folder: Path, settings: Settings | None = None) -> None:
    """Run a mend in a shell where the programs are that it names; it must end well."""
    tools = folder / "bin"
    tools.mkdir(exist_ok=True)
    _program(tools / "answerloop", f'exec "{sys.executable}" -m app.cli.main "$@"')
    if command.startswith("kafka-"):
        java = "java -Xmx96m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
        for name, class_ in _KAFKA_TOOLS.items():
            _program(tools / name, f'exec {java} -cp "{libraries()}/*" {class_} "$@"')
    environment = {k: v for k, v in os.environ.items() if not k.startswith(PREFIX)}
    environment |= {"PATH": f"{tools}:{environment['PATH']}", "PYTHONPATH": str(_ROOT)}
    if settings is not None:
        environment |= {
            PREFIX + name.upper(): str(getattr(settings, name))
            for name in settings.model_fields_set
        }
    done = subprocess.run(
        command,
        check=False,
        shell=True,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"


def _program(path: Path, line: str) -> None:
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(0o755)
