"""The gate check of an engine that starts: beside its work, once for each scorer, never in its way.

The scores of the built-in pairs are kept in `DATA_DIR`; with them every gate is checked at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import traceback
from collections.abc import AsyncIterator
from typing import Any

from app.calibration.check import (
    GateCheck,
    Tolerance,
    built_in_check_pairs,
    check_of,
    gate_words,
    mend,
)
from app.calibration.kept import KeptScores, keep, read_kept
from app.calibration.scoring import score_pairs
from app.config.gate import SHIPPED, read_profile, words_of_nameless
from app.errors import AnswerloopError, ScorerUnavailable, SettingsError
from app.ports import Scorer
from app.scoring.told_gate import gate_of_told
from app.settings import Settings

#: Pairs of one call: answers that are to be judged have their turn in between.
_CALL_PAIRS = 8
#: A scorer that is away is asked again after so long.
_AGAIN_SECONDS = 15.0


@contextlib.asynccontextmanager
async def gate_checked(settings: Settings, scorer: Scorer, log: Any) -> AsyncIterator[None]:
    """Check the gate in the background while the block lasts; at its end the check is over."""
    checking = asyncio.create_task(check_at_start(settings, scorer, log))
    try:
        yield
    finally:
        checking.cancel()
        await asyncio.wait([checking])


async def check_at_start(settings: Settings, scorer: Scorer, log: Any) -> None:
    """Log one line `gate_check`: what the gate in force passes and fails. Never raises.

    A scorer that is away is waited for. The twin for tests is not asked: it has no language model.
    """
    if settings.scorer == "memory:":
        return
    started = time.monotonic()
    try:
        kept, fresh = await _scores(settings, scorer)
        check = check_kept(settings, kept)
        seconds = round(time.monotonic() - started, 1) if fresh else 0.0
        _tell(settings, check, log, seconds)
    except SettingsError as error:  # a profile of another scorer, which has just told its name
        log.error("gate_check", reason=str(error))
    except Exception:  # noqa: BLE001 (nothing depends on it)
        log.warning("gate_check_failed", error=traceback.format_exc())


def check_kept(settings: Settings, kept: KeptScores) -> GateCheck:
    """Return the check of the gate in force. Raises SettingsError for another scorer's profile."""
    gate = gate_of_told(settings, kept.scorer)
    return check_of(gate, kept.scorer, kept.scored, kept.failed)


def tolerance_of(settings: Settings) -> Tolerance:
    """Return what the settings tolerate."""
    return Tolerance(settings.gate_max_random_pass, settings.gate_max_good_fail)


def kept_findings(settings: Settings) -> list[str]:
    """Return what the last check of the gate in force found wrong; nothing where none was made."""
    from app.opening import open_scorer

    try:
        kept = read_kept(settings, open_scorer(settings, []))
        return check_kept(settings, kept).findings(tolerance_of(settings)) if kept else []
    except AnswerloopError:
        return []  # whoever needs the scorer or the gate says so


async def usable_kept(settings: Settings, scorer: Scorer) -> KeptScores | None:
    """Return what was kept for the scorer in force, whose name one elsewhere is asked for.

    Raises ScorerUnavailable.
    """
    kept = await asyncio.to_thread(read_kept, settings, scorer)
    if kept is None or settings.scorer == "local:":
        return kept
    await scorer.check()
    return kept if (kept.scorer, kept.library) == (scorer.name, scorer.library) else None


async def _scores(settings: Settings, scorer: Scorer) -> tuple[KeptScores, bool]:
    """Return the scores of the built-in pairs, and whether they were worked out just now."""
    while True:
        try:
            kept = await usable_kept(settings, scorer)
            if kept is not None:
                return kept, False
            await scorer.check()
            return await score_built_in(settings, scorer, call_pairs=_CALL_PAIRS), True
        except ScorerUnavailable:
            await asyncio.sleep(_AGAIN_SECONDS)


async def score_built_in(settings: Settings, scorer: Scorer, *, call_pairs: int = 64) -> KeptScores:
    """Score the built-in pairs and keep the scores. Raises ScorerUnavailable."""
    pairs = built_in_check_pairs()
    scored, failed = await score_pairs(scorer, pairs, (), call_pairs=call_pairs)
    if not failed:
        await asyncio.to_thread(keep, settings, scorer, scored)
    return KeptScores(scorer.name, scorer.library, scored, len(failed))


def _tell(settings: Settings, check: GateCheck, log: Any, seconds: float) -> None:
    figures: dict[str, Any] = {
        "gate": gate_words(check.gate),
        "scorer": check.scorer,
        "random_pass": f"{check.random.passed} of {check.random.count}",
        "good_fail": f"{check.good.count - check.good.passed} of {check.good.count}",
        "seconds": seconds,
    }
    findings = check.findings(tolerance_of(settings))
    nameless = words_of_nameless(settings, check.scorer)
    if nameless:
        log.warning("scorer_without_name", reason=nameless)
    if check.misjudged(tolerance_of(settings)):
        figures["mend"] = mend(check.gate, read_profile(SHIPPED).scorer == check.scorer)
    if findings:
        log.warning("gate_check", **figures, reason="; ".join(findings))
    else:
        log.info("gate_check", **figures)
