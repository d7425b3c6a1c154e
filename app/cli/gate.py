"""`answerloop gate`: choose a threshold by measurement, and look at the one in force."""

from __future__ import annotations

import click

from app.cli.lazy import lazy_group

COMMANDS = {
    "calibrate": ("app.cli.gate_calibrate", "calibrate", "Choose metric and threshold by pairs"),
    "check": ("app.cli.gate_check", "check", "Try the gate in force on good and random pairs"),
}


@click.group(cls=lazy_group(COMMANDS), short_help="The quality gate: calibrate, check")
def gate() -> None:
    """Measure which threshold parts good answers from others, and try the one in force.

    \b
    answerloop gate calibrate labelled.csv --out profile.json --report page.html
    ANSWERLOOP_QUALITY_PROFILE=profile.json answerloop gate check
    """
