"""Texts to the tokens that bert-score makes of them, and whether they were cut at its limit."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

#: Characters of a text that are looked at: more than any encoder reads of words of its language.
LOOKED_AT = 32_768
#: Tokens read of a text by an encoder that has no limit of its own: memory grows with the square.
_OPEN_LIMIT = 2_048
#: Characters for each token of the limit after which a text is long: its head may be enough.
_HEAD_CHARACTERS = 8
#: Where every tokenizer begins a new token: before the space or the mark after a word.
_WORD_END = re.compile(r"(?<![\s.,;:!?。、，！？])[ .,;:!?。、，！？]")


@dataclass(frozen=True, slots=True)
class Tokens:
    """Token numbers with the special ones around them; `cut`: the text goes on beyond them."""

    ids: list[int]
    cut: bool


def tokenize(tokenizer: Any, text: str) -> Tokens:
    """Return what `bert_score` makes of a text, whose end beyond the tokenizer's limit is cut off.

    Of a long text the head is tried first: tokens do not reach beyond the end of a word. Not for
    several threads at once.
    """
    from bert_score.utils import sent_encode

    text = text.strip()
    looked_at, limit = text[:LOOKED_AT], tokenizer.model_max_length
    head = _head(looked_at, _HEAD_CHARACTERS * limit)
    ids = list(sent_encode(tokenizer, head))
    if len(head) < len(looked_at):
        if len(ids) >= limit:
            return Tokens(ids, cut=True)
        ids = list(sent_encode(tokenizer, looked_at))
    if len(ids) < limit:
        return Tokens(ids, cut=len(looked_at) < len(text))
    return Tokens(ids, cut=_whole_length(tokenizer, looked_at) > limit)


def _whole_length(tokenizer: Any, text: str) -> int:
    """Return how many tokens there would be without a limit."""
    from bert_score.utils import sent_encode

    limit = tokenizer.model_max_length
    tokenizer.model_max_length = LOOKED_AT * 8  # a character is some bytes, and a byte a token
    try:
        return len(sent_encode(tokenizer, text))
    finally:
        tokenizer.model_max_length = limit


def _head(text: str, characters: int) -> str:
    """Return some of the first characters up to the end of a word; the text if none ends there."""
    if len(text) <= characters:
        return text
    ends = [found.start() for found in _WORD_END.finditer(text, characters // 2, characters)]
    return text[: ends[-1]] if ends else text


def bound_length(tokenizer: Any, model: Any) -> None:
    """Make the tokenizer cut where the model ends: some folders leave its limit open."""
    limits = [tokenizer.model_max_length]
    positions = getattr(model.config, "max_position_embeddings", None)
    if isinstance(positions, int) and positions > 8:
        limits.append(positions - _unused_positions(model))
    if min(limits) > 10 * _OPEN_LIMIT:
        limits.append(_OPEN_LIMIT)
    tokenizer.model_max_length = min(limits)


def _unused_positions(model: Any) -> int:
    """Return how many positions no token has.

    RoBERTa and its kin count from their padding index on: 514 positions mean 512 tokens.
    """
    table = getattr(getattr(model, "embeddings", None), "position_embeddings", None)
    padding = getattr(table, "padding_idx", None)
    return 0 if padding is None else int(padding) + 1
