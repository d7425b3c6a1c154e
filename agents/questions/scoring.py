"""The score of one answer: a scorer that is away is waited for, a missing score asked for again."""

from __future__ import annotations

import asyncio

from agents.context import Context
from agents.waits import interruptible, until_up
from app.core.gate import Score
from app.core.judging import pause_before_try
from app.errors import ScoreFailure
from models.questions import LlmAnswer


async def score_of(context: Context, answer: LlmAnswer, reference: str) -> Score:
    """Return the score of an answer beside its reference.

    Raises ScoreFailure, with the number of tries, when the last of them gave no score either.
    """
    pair = (answer.answer, reference)
    failures = 0
    while True:
        try:
            with context.tracing.scoring(answer.question_id, context.ports.scorer.name):
                [score] = await until_up(
                    context, "scorer", lambda: context.ports.scorer.score([pair])
                )
            return score
        except ScoreFailure as error:
            failures += 1
            pause = pause_before_try(failures)
            context.log.warning(
                "no_score",
                question_id=answer.question_id,
                attempt=answer.attempt,
                generation=answer.generation,
                tries=failures,
                reason=str(error)[:300],
            )
            if pause is None:
                raise ScoreFailure(f"{error} ({failures} tries)") from error
        context.metrics.count("scores_retried")
        await interruptible(context, asyncio.sleep(pause), grace_seconds=0)
