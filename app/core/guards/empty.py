"""`empty`: the answer is blank."""

from __future__ import annotations

from app.core.guards.evidence import Evidence


def empty(evidence: Evidence) -> str | None:
    """Object to an answer of blanks only."""
    return None if evidence.answer.strip() else "the answer is blank"
