"""`cut_off`: the model server stopped the answer at its limit of tokens."""

from __future__ import annotations

from app.core.guards.evidence import Evidence

_WHOLE = (".", "!", "?", "\u2026", "\u3002", "\uff01", "\uff1f", "```")
_CLOSING = "\"'\u201d\u2019\u00bb)]*_ \n\t"


def cut_off(evidence: Evidence) -> str | None:
    """Object when the limit ended the answer (`length`) amid a sentence.

    An answer that ends with a whole sentence stays: the bundled model's are trimmed to one.
    """
    if evidence.finish_reason not in {"length", "max_tokens"}:
        return None
    if evidence.answer.rstrip(_CLOSING).endswith(_WHOLE):
        return None
    return "the limit of tokens ended the answer in mid-sentence"
