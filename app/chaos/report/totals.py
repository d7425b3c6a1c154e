"""What the runs come to: the verdict of all, sums, and the figures that a summary needs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.charts.numbers import number, real

Run = Mapping[str, Any]

#: The terms of the conservation equation: accepted is their sum.
STATES = ("validated", "low_quality", "unscored", "dead", "pending", "lost")

#: What a summary adds up over all runs.
_SUMMED = ("accepted", *STATES, "duplicates", "repeated_calls", "calls")

#: From verdict to mark and word; what is not known counts as an error.
VERDICTS = {
    "passed": ("\N{CHECK MARK}", "passed"),
    "failed": ("\N{MULTIPLICATION X}", "failed"),
    "error": ("!", "error"),
    "skipped": ("\N{EN DASH}", "skipped"),
}


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over all runs, and how many ended with which verdict."""

    sums: dict[str, int]
    verdicts: Counter[str]
    seconds: float

    @property
    def good(self) -> bool:
        """Whether something passed and nothing failed."""
        bad = self.verdicts["failed"] + self.verdicts["error"]
        return bad == 0 and self.verdicts["passed"] > 0

    @property
    def headline(self) -> str:
        """The verdict of all runs, in words."""
        count = sum(self.verdicts.values())
        skipped = self.verdicts["skipped"]
        ran, bad = count - skipped, self.verdicts["failed"] + self.verdicts["error"]
        also = f", {skipped} skipped" if skipped else ""
        if not count:
            return "No scenario ran"
        if not ran:
            return "Every scenario was skipped" if count > 1 else "The scenario was skipped"
        if not bad:
            whole = "The scenario passed" if ran == 1 else f"All {ran} scenarios passed"
            return whole + also
        whole = f"{bad} of {ran} scenarios did not pass" if ran > 1 else "The scenario did not pass"
        return whole + also


def totals_of(runs: Sequence[Run]) -> Totals:
    """Add up runs."""
    audits = [audit_of(run) for run in runs]
    return Totals(
        sums={name: sum(number(audit.get(name)) for audit in audits) for name in _SUMMED},
        verdicts=Counter(verdict_of(run) for run in runs),
        seconds=sum(seconds for run in runs if (seconds := real(run.get("seconds"))) is not None),
    )


def verdict_of(run: Run) -> str:
    """Return the verdict of a run, one of VERDICTS."""
    verdict = str(run.get("verdict"))
    return verdict if verdict in VERDICTS else "error"


def audit_of(run: Run) -> Mapping[str, Any]:
    """Return what the auditor counted; empty when it did not come to that."""
    audit = run.get("audit")
    return audit if isinstance(audit, Mapping) else {}


def difference(audit: Mapping[str, Any]) -> int:
    """Return by how much the conservation equation does not add up."""
    return number(audit.get("accepted")) - sum(number(audit.get(name)) for name in STATES)


def slowest_recovery(run: Run) -> float | None:
    """Return the longest time to work again that a run noted, in seconds, or None.

    Those are the figures in seconds whose names speak of it: `recovery_seconds`,
    `working_again_seconds`.
    """
    figures = run.get("figures")
    named = figures if isinstance(figures, Mapping) else {}
    found = [real(value) for name, value in named.items() if _is_recovery(str(name))]
    times = [value for value in found if value is not None]
    return max(times, default=None)


def _is_recovery(name: str) -> bool:
    return name.endswith("seconds") and ("recover" in name or "again" in name)
