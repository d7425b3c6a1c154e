"""The results of a chaos run as JSON has them: machine, command, and a part for each scenario."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from app import __version__
from app.chaos.outside import Outside
from app.chaos.play import play
from app.chaos.scenario import Options, Scenario

_GIB = 1024**3


async def play_all(
    scenarios: Sequence[Scenario],
    outside: Outside,
    options: Options,
    folder: Path,
    command: str,
    tell: Callable[[dict[str, Any]], None],
    begin: Callable[[Scenario], None],
    save: Callable[[dict[str, Any]], None],
) -> dict[str, Any]:
    """Run scenarios one after the other; `begin` and `tell` hear of each as it starts and ends.

    `save` gets the results so far after each: a run that is interrupted leaves a report.
    """
    results: dict[str, Any] = {
        "answerloop": __version__,
        "started_at": time.time(),
        "machine": {},
        "command": command,
        "runs": [],
    }
    try:
        for scenario in scenarios:
            begin(scenario)
            run = await play(scenario, outside, options, folder)
            results["runs"].append(run)
            results["machine"] = machine(outside.kafka_words)
            save(results)
            tell(run)
    finally:
        outside.close()
    return results


def machine(kafka: str) -> dict[str, Any]:
    """Return what the figures were measured on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cpus": os.cpu_count() or 1,
        "memory_gib": round(memory / _GIB, 1),
        "python": platform.python_version(),
        "kafka": kafka,
    }
