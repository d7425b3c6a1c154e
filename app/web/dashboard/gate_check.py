"""The check of the gate in force, as the worker made it at its start and kept it in `DATA_DIR`."""

from __future__ import annotations

import asyncio
from typing import Any

from agents.context import Context
from app.calibration.check import GateCheck, mend
from app.calibration.kept import read_kept
from app.calibration.start import check_kept, tolerance_of
from app.calibration.statistics import Rate
from app.config.gate import SHIPPED, read_profile
from app.errors import SettingsError
from app.settings import Settings
from app.web.dashboard.kept import Kept

#: The file is written once, soon after the start.
CHECK_SECONDS = 10.0


class GateChecks:
    """Reads what was kept; it asks no scorer."""

    def __init__(self, context: Context, settings: Settings) -> None:
        self._context, self._settings = context, settings
        self._kept = Kept(self._read, CHECK_SECONDS, context.log)

    async def shown(self) -> dict[str, Any]:
        """Return `check` (None: none was made yet, or its scores are of another scorer)."""
        found = await self._kept.get()
        return {"check": (found.value or {}).get("check"), "check_trouble": found.trouble}

    async def close(self) -> None:
        await self._kept.close()

    async def _read(self) -> dict[str, Any]:
        return {"check": await asyncio.to_thread(self._check)}

    def _check(self) -> dict[str, Any] | None:
        kept = read_kept(self._settings, self._context.ports.scorer)
        if kept is None:
            return None
        try:
            return _shown(check_kept(self._settings, kept), self._settings)
        except SettingsError as error:  # the profile is another scorer's
            return {**_NOTHING, "scorer": kept.scorer, "findings": [str(error)]}


_NOTHING: dict[str, Any] = {
    "good": None,
    "random": None,
    "by_language": [],
    "mend": None,
}


def _shown(check: GateCheck, settings: Settings) -> dict[str, Any]:
    findings = check.findings(tolerance_of(settings))
    has_profile = read_profile(SHIPPED).scorer == check.scorer
    return {
        "scorer": check.scorer,
        "good": _rate(check.good),
        "random": _rate(check.random),
        "by_language": [
            {"language": language, "good": _rate(good), "random": _rate(random)}
            for language, (random, good) in check.by_language.items()
        ],
        "findings": findings,
        "mend": mend(check.gate, has_profile) if findings else None,
    }


def _rate(rate: Rate) -> dict[str, Any]:
    return {
        "passed": rate.passed,
        "count": rate.count,
        "share": rate.share,
        "interval": None if rate.interval is None else list(rate.interval),
    }
