"""The scorer that the settings name."""

from __future__ import annotations

from app.opening.closing import Closer
from app.ports import Scorer
from app.settings import Settings


def open_scorer(settings: Settings, closers: list[Closer]) -> Scorer:
    """Make the scorer. Its model loads in the background: judging waits for it."""
    if settings.scorer == "memory:":
        from app.adapters.scorer.memory import OverlapScorer

        return OverlapScorer()
    scorer: Scorer
    if settings.scorer == "local:":
        from app.adapters.scorer.fast import FastScorer

        scorer = FastScorer(
            settings.scorer_model,
            threads=settings.scorer_threads,
            baseline=settings.scorer_baseline if settings.scorer_rescale else None,
            graph_folder=settings.data_dir.absolute() / "encoders",
        )
    else:
        from app.adapters.scorer.http import HttpScorer

        token = settings.api_token.get_secret_value() if settings.api_token else ""
        scorer = HttpScorer(settings.scorer, token)
    closers.append(scorer.close)
    return scorer
