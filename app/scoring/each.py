"""Scores of several pairs of which one may have none."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from app.core.gate import Score
from app.errors import ScoreFailure
from app.ports import Scorer

Pair = tuple[str, str]


async def score_each(scorer: Scorer, pairs: Sequence[Pair]) -> list[Score | ScoreFailure]:
    """Score (candidate, reference) pairs in one batch, in order; a pair without a score is told so.

    Raises what concerns all of them: ScorerUnavailable.
    """
    calls = (scorer.score([pair]) for pair in pairs)
    results = await asyncio.gather(*calls, return_exceptions=True)
    found: list[Score | ScoreFailure] = []
    for result in results:
        if isinstance(result, ScoreFailure):
            found.append(result)
        elif isinstance(result, BaseException):
            raise result
        else:
            found += result
    return found
