"""What a start says of the scorer: one elsewhere is greeted, one that can't run is told."""

from __future__ import annotations

import asyncio
from typing import Any

import structlog

from app.errors import UnavailableError
from app.ports import Scorer
from app.settings import Settings

#: How long a start waits for a scorer elsewhere to tell its name.
GREETING_SECONDS = 3.0

log: Any = structlog.get_logger("answerloop")


async def greet_scorer(settings: Settings, scorer: Scorer) -> None:
    """Learn the name of a scorer elsewhere, and log the gate that it puts in force.

    One that is away is no reason not to start: it tells its name with its first scores. Nor is one
    whose packages are missing: questions without a reference need none.
    """
    if settings.scorer == "local:":
        _tell_missing(settings)
    if settings.scorer in ("local:", "memory:"):
        return
    from app.config.gate import gate_by, gates_by_scorer

    away = ""
    try:
        async with asyncio.timeout(GREETING_SECONDS):
            await scorer.check()
    except UnavailableError as error:
        away = str(error)
    except TimeoutError:
        away = f"no answer within {GREETING_SECONDS:.0f} s"
    gate = gate_by(settings, scorer.name)
    facts = {"gate": gate.source, "metric": str(gate.metric), "threshold": gate.threshold}
    if away:
        if gates_by_scorer(settings):
            facts["until"] = "it tells its name"
            facts["mend"] = "QUALITY_PROFILE=minilm-l6 names the bundled model's gate"
        log.warning("scorer_away", reason=away[:300], **facts)
    else:
        log.info("scorer_elsewhere", scorer=scorer.name, **facts)


def _tell_missing(settings: Settings) -> None:
    from app.adapters.scorer.models import MEND, missing_packages

    if missing := missing_packages(settings.scorer_model):
        log.error(
            "scorer_missing",
            reason=f"BERTScore can't run: no package {', '.join(missing)}",
            until="answers with a reference wait for it",
            mend=MEND,
        )
