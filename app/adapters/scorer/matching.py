"""Greedy matching of two texts' token embeddings, as bert-score does it for a pair alone."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

#: Tokens of a blank text: the two special ones around it.
_BLANK_TOKENS = 2


@dataclass(frozen=True, slots=True)
class Embedding:
    """A text's token vectors, float32 (tokens, width), each of length 1, and their weights.

    `weights`, float32 (tokens,): 1, and 0 for the tokenizer's separator and class tokens.
    `cut`: the text goes on beyond them.
    """

    vectors: Any
    weights: Any
    cut: bool = False

    @property
    def bytes(self) -> int:
        return int(self.vectors.nbytes + self.weights.nbytes)


def match(candidate: Embedding, reference: Embedding) -> tuple[float, float, float]:
    """Return precision, recall and F1; not a number where a text has no token that counts.

    The library clips a token's best similarity at 0 when it pads the pair beside longer ones, and
    not when the pair is alone: this is the pair alone.
    """
    import numpy

    similarity = candidate.vectors @ reference.vectors.T
    with numpy.errstate(divide="ignore", invalid="ignore"):
        precision = similarity.max(axis=1) @ candidate.weights / candidate.weights.sum()
        recall = similarity.max(axis=0) @ reference.weights / reference.weights.sum()
        f1 = 2 * precision * recall / (precision + recall)
    if _BLANK_TOKENS in (len(candidate.weights), len(reference.weights)):
        precision = recall = 0.0
    return float(precision), float(recall), 0.0 if numpy.isnan(f1) else float(f1)


class OneBlasThread:
    """Within it numpy multiplies matrices in the calling thread alone.

    Its usual threads wait for each other: of two on busy cores a match took 12 ms instead of 0.1.
    Without threadpoolctl nothing changes.
    """

    def __init__(self) -> None:
        try:
            import numpy  # noqa: F401 (its library has to be loaded to be found)
            from threadpoolctl import ThreadpoolController
        except ImportError:
            self._controller = None
        else:
            self._controller = ThreadpoolController()

    def limit(self) -> AbstractContextManager[Any]:
        if self._controller is None:
            return nullcontext()
        limited: AbstractContextManager[Any] = self._controller.limit(limits=1, user_api="blas")
        return limited
