"""Scores of known pairs, through the port of the scorer in force."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from app.calibration.measure import Scored, guarded
from app.calibration.pairs import Pair
from app.core.gate import Score
from app.errors import ScoreFailure
from app.ports import Scorer

#: Pairs of one call: between two calls others have their turn at the same scorer.
CALL_PAIRS = 64


async def score_pairs(
    scorer: Scorer,
    pairs: Sequence[Pair],
    guards: Iterable[str],
    *,
    call_pairs: int = CALL_PAIRS,
    on_done: Callable[[int], None] = lambda _: None,
) -> tuple[list[Scored], list[Pair]]:
    """Score all pairs; return those that have a score, and those that the scorer can't score.

    `on_done` is told how many are done. Raises ScorerUnavailable.
    """
    names = tuple(guards)
    scored: list[Scored] = []
    failed: list[Pair] = []
    for start in range(0, len(pairs), call_pairs):
        part = pairs[start : start + call_pairs]
        for pair, score in zip(part, await _scores(scorer, part), strict=True):
            if score is None:
                failed.append(pair)
            else:
                scored.append(guarded(pair, score, names))
        on_done(start + len(part))
    return scored, failed


async def _scores(scorer: Scorer, pairs: Sequence[Pair]) -> list[Score | None]:
    """Score pairs in one call; where one of them has no score, one by one."""
    try:
        return list(await scorer.score([(pair.candidate, pair.reference) for pair in pairs]))
    except ScoreFailure:
        if len(pairs) == 1:
            return [None]
        return [(await _scores(scorer, [pair]))[0] for pair in pairs]
