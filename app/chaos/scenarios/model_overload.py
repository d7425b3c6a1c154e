"""L1: the model server refuses everything for a while."""

from __future__ import annotations

import asyncio

from app.chaos.scenario import Check, Facts, Load, Scenario
from app.chaos.stage import Stage

OVERLOAD_SECONDS = 60.0
#: A probe every 5 s for each worker, and what was in flight when it began.
PROBES = 60


async def _faults(stage: Stage) -> None:
    seconds = 5 * OVERLOAD_SECONDS if stage.options.long else OVERLOAD_SECONDS
    await asyncio.sleep(3)
    with stage.fault("the model answers 503"):
        await stage.model.answer_with(status=503)
        await asyncio.sleep(seconds)
        await stage.model.answer_with()


def _needed(facts: Facts) -> float:
    """A call for each question, and a second one for those whose answer is weak."""
    return float(facts.audit["accepted"] + facts.audit["low_quality"])


MODEL_OVERLOAD = Scenario(
    name="model-overload",
    about="The model answers 503 to everything for 60 s (--long 300), then is well",
    promise="1 every question ends with an answer; 4 no retry is early; an overload is not fed",
    faults=_faults,
    checks=(
        Check(
            "model calls, with 10 % and 60 probes to spare",
            lambda facts: facts.audit["calls"],
            lambda facts: round(1.1 * _needed(facts) + PROBES),
        ),
    ),
    load=Load(questions=200, rate=4),
    settings={"OVERLOAD_BASE_SECONDS": "5", "OVERLOAD_MAX_RETRIES": "10"},
    settle_seconds=240,
)
