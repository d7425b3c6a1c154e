"""What a guard looks at, and how it splits text into words and sentences."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

#: Longer texts are looked at up to here: a guard must stay cheap.
MOST_CHARACTERS = 8_000
_MOST_SENTENCES = 50
_WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*")
_SENTENCE_END = re.compile(r"[.!?;\u3002\uff01\uff1f](?=\s|$)|\n")
_BARE_QUOTE = str.maketrans({"\u2019": "'", "\u2018": "'", "\u201c": '"', "\u201d": '"'})


@dataclass(frozen=True, slots=True)
class Evidence:
    """One answer, with its question, its reference (if there is one) and how the call ended."""

    answer: str
    question: str = ""
    reference: str | None = None
    finish_reason: str | None = None

    @property
    def stated_reference(self) -> str:
        """The reference, or nothing when it is absent or blank."""
        return (self.reference or "").strip()


def whole(*texts: str) -> bool:
    """Tell whether texts are short enough to be looked at in full."""
    return all(len(text) <= MOST_CHARACTERS for text in texts)


def word_set(words_of_it: str) -> frozenset[str]:
    """Return the words of a list separated by blanks, as a set."""
    return frozenset(words_of_it.split())


def head(text: str) -> str:
    """Return the part of a text that guards look at, with plain quotes and composed letters."""
    return unicodedata.normalize("NFC", text[:MOST_CHARACTERS]).translate(_BARE_QUOTE)


def words(text: str) -> list[str]:
    """Return the words of a text, in lower case; `don't` is one."""
    return [word.casefold() for word in _WORD.findall(head(text))]


def sentences(text: str) -> list[str]:
    """Return the first sentences of a text that are not blank."""
    parts = _SENTENCE_END.split(head(text), maxsplit=_MOST_SENTENCES)
    return [part for part in parts[:_MOST_SENTENCES] if part.strip()]
