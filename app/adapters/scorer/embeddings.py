"""Token embeddings of texts: tokenised as bert-score does, encoded in buckets, references kept."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Any

from app.adapters.scorer.encoders import Batch, Encoder
from app.adapters.scorer.matching import Embedding
from app.adapters.scorer.plain_tokens import open_plain_tokens
from app.adapters.scorer.tokens import Tokens, tokenize

#: Tokens of one encoder call, padding included; more of them are no faster on a CPU.
_CALL_TOKENS = 256
#: The most of a call's tokens that may be padding.
_PADDING = 0.1

Ids = list[int]


class Embeddings:
    """Embeddings by `encoder`. Those of references stay, the last used ones, up to `cache_bytes`.

    Not for several threads at once.
    """

    def __init__(self, tokenizer: Any, encoder: Encoder, cache_bytes: int) -> None:
        self.encoder = encoder
        self._tokenizer = tokenizer
        self._plain = open_plain_tokens(tokenizer)
        self._unweighted = {tokenizer.sep_token_id, tokenizer.cls_token_id}
        self._cache_bytes = cache_bytes
        self._kept: OrderedDict[str, Embedding] = OrderedDict()
        self._kept_bytes = 0
        self._asked = self._found = 0

    @property
    def hit_rate(self) -> float:
        """Share of the references asked for that were kept."""
        return self._found / self._asked if self._asked else 0.0

    @property
    def kept_bytes(self) -> int:
        """Bytes of the embeddings that are kept, at most `cache_bytes`."""
        return self._kept_bytes

    def of(self, pairs: Sequence[tuple[str, str]]) -> dict[str, Embedding]:
        """Return the embedding of every candidate and reference, each text encoded once."""
        references = dict.fromkeys(reference for _, reference in pairs)
        self._asked += len(pairs)
        self._found += sum(reference in self._kept for _, reference in pairs)
        texts = references | dict.fromkeys(candidate for candidate, _ in pairs)
        known = {text: self._kept[text] for text in texts if text in self._kept}
        known |= self._encode([text for text in texts if text not in known])
        for reference in references:
            self._keep(reference, known[reference])
        return known

    def _keep(self, text: str, embedding: Embedding) -> None:
        if text in self._kept:
            self._kept.move_to_end(text)
            return
        self._kept[text] = embedding
        self._kept_bytes += _size(text, embedding)
        while self._kept_bytes > self._cache_bytes:
            self._kept_bytes -= _size(*self._kept.popitem(last=False))

    def _encode(self, texts: list[str]) -> dict[str, Embedding]:
        import numpy

        whole = {text: self._tokens(text) for text in texts}
        tokens = {text: each.ids for text, each in whole.items()}
        buckets = list(_buckets(sorted(texts, key=lambda text: len(tokens[text])), tokens))
        batches = [
            to_batch([tokens[text] for text in bucket], self._tokenizer) for bucket in buckets
        ]
        found: dict[str, Embedding] = {}
        for bucket, rows in zip(buckets, self.encoder.encode(batches), strict=True):
            for text, row in zip(bucket, rows, strict=True):
                vectors = row[: len(tokens[text])]
                vectors = vectors / numpy.linalg.norm(vectors, axis=1, keepdims=True)
                counted = [token not in self._unweighted for token in tokens[text]]
                weights = numpy.array(counted, dtype=numpy.float32)
                found[text] = Embedding(vectors, weights, whole[text].cut)
        return found

    def _tokens(self, text: str) -> Tokens:
        plain = self._plain.tokenize(text.strip()) if self._plain else None
        return plain or tokenize(self._tokenizer, text)


def to_batch(rows: list[Ids], tokenizer: Any) -> Batch:
    """Return tokens and mask, int64 (texts, longest), padded on the right."""
    import numpy

    shape = (len(rows), max(map(len, rows)))
    tokens = numpy.full(shape, tokenizer.pad_token_id or 0, dtype=numpy.int64)
    mask = numpy.zeros(shape, dtype=numpy.int64)
    for at, row in enumerate(rows):
        tokens[at, : len(row)] = row
        mask[at, : len(row)] = 1
    return tokens, mask


def _buckets(by_length: Iterable[str], tokens: dict[str, Ids]) -> Iterable[list[str]]:
    """Split texts, shortest first, into calls of similar lengths."""
    bucket: list[str] = []
    real = 0
    for text in by_length:
        length = len(tokens[text])
        padded = length * (len(bucket) + 1)
        if bucket and (padded > _CALL_TOKENS or real + length < padded * (1 - _PADDING)):
            yield bucket
            bucket, real = [], 0
        bucket.append(text)
        real += length
    if bucket:
        yield bucket


def _size(text: str, embedding: Embedding) -> int:
    return embedding.bytes + 4 * len(text) + 500
