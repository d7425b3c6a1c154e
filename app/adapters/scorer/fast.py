"""BERTScore in this process, equal to `bert-score` within 1e-4, by a faster way to its figures."""

from __future__ import annotations

import time
from pathlib import Path

import structlog

from app.adapters.scorer.bertscore import NO_FIGURES, BertScoreScorer, Figures, Pair
from app.adapters.scorer.embeddings import Embeddings
from app.adapters.scorer.encoders import Encoder, EncoderUnusable, TorchEncoder
from app.adapters.scorer.matching import Embedding, OneBlasThread, match

_log = structlog.get_logger("answerloop")

#: Texts of one embedding call are held until their pairs are scored: this many pairs at a time.
_PAIRS = 64
#: How often it is logged that texts were cut.
_TELL_SECONDS = 60.0


class FastScorer(BertScoreScorer):
    """BERTScore as BertScoreScorer gives it, faster: tokens and figures are the library's.

    The encoder runs in ONNX Runtime; the graph is exported at the first use, checked against torch
    at every start, and kept in `graph_folder` (None: not kept). Without onnxruntime, on a GPU, or
    where the check fails, torch does it, and one log line says why. The embeddings of the last
    references, up to `cache_bytes`, are kept: a reference that comes again is not encoded again.
    Where a text was cut at the encoder's limit, the score says so (`cut`), and a log line.
    """

    def __init__(
        self,
        model: str | None = None,
        num_layers: int | None = None,
        *,
        threads: int | None = None,
        max_batch: int = 64,
        baseline: str | None = None,
        graph_folder: Path | None = None,
        cache_bytes: int = 64 * 1024 * 1024,
    ) -> None:
        super().__init__(model, num_layers, threads=threads, max_batch=max_batch, baseline=baseline)
        self._graph_folder = graph_folder
        self._cache_bytes = cache_bytes
        self._embeddings: Embeddings | None = None
        self._pairs_cut = 0
        self._next_told_at = 0.0

    @property
    def reference_hit_rate(self) -> float:
        """Share of the references whose embedding was there already: 0 to 1."""
        return self._embeddings.hit_rate if self._embeddings else 0.0

    @property
    def runtime(self) -> str:
        """`onnxruntime` or `torch`; empty before the encoder is loaded."""
        return self._embeddings.encoder.name if self._embeddings else ""

    def _load_here(self) -> None:
        self._embeddings_here()

    def _embeddings_here(self) -> Embeddings:
        if self._embeddings is None:
            super()._load_here()
            encoder = self._open_encoder()
            self._one_blas_thread = OneBlasThread()
            self._embeddings = Embeddings(self._library._tokenizer, encoder, self._cache_bytes)
        return self._embeddings

    def _open_encoder(self) -> Encoder:
        from app.adapters.scorer.onnx_encoder import open_onnx

        model = self._library._model
        try:
            encoder = open_onnx(model, self._library._tokenizer, self._graph_folder, self._threads)
        except EncoderUnusable as error:
            _log.info("scorer_runs_on_torch", scorer=self.name, why=str(error))
            return TorchEncoder(model)
        self._library._model = None  # its weights are in the session now
        return encoder

    def _score_here(self, pairs: list[Pair]) -> list[Figures]:
        embeddings = self._embeddings_here()
        figures: list[Figures] = []
        with self._one_blas_thread.limit():
            for start in range(0, len(pairs), _PAIRS):
                figures += _figures(embeddings, pairs[start : start + _PAIRS])
        self._say_what_was_cut(sum(each.cut for each in figures))
        return figures

    def _say_what_was_cut(self, pairs: int) -> None:
        """Log it, at most once a minute."""
        self._pairs_cut += pairs
        now = time.monotonic()
        if self._pairs_cut and now >= self._next_told_at:
            limit = self._library._tokenizer.model_max_length
            _log.warning("scorer_texts_cut", scorer=self.name, pairs=self._pairs_cut, tokens=limit)
            self._pairs_cut = 0
            self._next_told_at = now + _TELL_SECONDS

    async def check(self) -> str:
        """Load what is needed. Raises ScorerUnavailable that says what to install."""
        return f"{await super().check()}, by {self.runtime}"

    async def close(self) -> None:
        """Score what is waiting, and free everything. A load in progress is left behind."""
        await super().close()
        self._embeddings = None


def _figures(embeddings: Embeddings, pairs: list[Pair]) -> list[Figures]:
    try:
        known = embeddings.of(pairs)
        return [_matched(known[candidate], known[reference]) for candidate, reference in pairs]
    except Exception:  # noqa: BLE001 - a bad pair must not take its company along
        if len(pairs) == 1:
            return [NO_FIGURES]
        return [_figures(embeddings, [pair])[0] for pair in pairs]


def _matched(candidate: Embedding, reference: Embedding) -> Figures:
    return Figures(*match(candidate, reference), cut=candidate.cut or reference.cut)
