"""Tokens of plain Latin texts by the compiled tokenizer, where it agrees with the library's own.

bert-score tokenizes in Python: some milliseconds a text, in which no other thread runs.
"""

from __future__ import annotations

import re
from typing import Any

from app.adapters.scorer.tokens import Tokens, tokenize

#: Letters, digits and marks of Latin scripts: no control characters, no combining marks, and none
#: of the brackets that special tokens such as [SEP] and <mask> are written in.
_PLAIN = re.compile(r"[ \n!-;=?-Z\\^-z|~\u00a1-\u00ac\u00ae-\u024f\u2010-\u2026]*")
#: Characters of the longest text; of a longer one a head is tokenized first (`tokens.py`).
_LONGEST = 4_096
#: Both tokenizers have to agree on these before the compiled one is used.
_SAMPLES = (
    "Paris is the capital of France, isn't it?",
    "¿Cuánto cuesta? 12.50 € — o 1,234.5; «straße», naïve ÉCOLE İstanbul",
    "  two  spaces\n\nand lines;under_score a.b@c.de https://a.b/c?d=e#f don't I'LL x=y^2",
    "Antidisestablishmentarianism " + "z" * 120 + " Ǆǅǆ ﬁ…",
    "",
)


class PlainTokens:
    """The tokenizer of bert-score, compiled."""

    def __init__(self, tokenizer: Any) -> None:
        from transformers.convert_slow_tokenizer import convert_slow_tokenizer

        self._compiled = convert_slow_tokenizer(tokenizer)
        self._compiled.no_padding()
        self._compiled.enable_truncation(tokenizer.model_max_length)

    def tokenize(self, text: str) -> Tokens | None:
        """Return the tokens of a stripped text; None: this text is for the library's tokenizer."""
        if not text or len(text) > _LONGEST or not _PLAIN.fullmatch(text):
            return None
        found = self._compiled.encode(text)
        return Tokens(found.ids, cut=bool(found.overflowing))


def open_plain_tokens(tokenizer: Any) -> PlainTokens | None:
    """Return a compiled tokenizer that agrees with `tokenizer`, or None where there is none."""
    special = [*tokenizer.all_special_tokens, *tokenizer.get_added_vocab()]
    if any(_PLAIN.fullmatch(token) for token in special):
        return None
    try:
        made = PlainTokens(tokenizer)
        agree = all(
            made.tokenize(sample.strip()) in (None, tokenize(tokenizer, sample))
            for sample in _SAMPLES
        )
    except Exception:  # noqa: BLE001 - not every tokenizer can be converted; its own does it then
        return None
    return made if agree else None
