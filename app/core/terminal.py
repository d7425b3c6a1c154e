"""Text of strangers on a terminal: questions, answers, file names, replies of servers.

An escape sequence in it could move the cursor, rewrite lines above, set the window's title or fill
the clipboard; a bidirectional override shows other words than are there.
"""

from __future__ import annotations

import unicodedata

SHOWN_INSTEAD = "\N{REPLACEMENT CHARACTER}"
#: Invisible, but scripts and emoji need them, and they can't reorder anything.
_JOINERS = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"


def neutralised(text: str) -> str:
    """Return text without control, format and surrogate characters; newlines and tabs stay.

    Each such character is U+FFFD instead. Other kinds of blanks (no-break and such) are blanks.
    """
    if text.isprintable():
        return text
    return "".join(_shown(character) for character in text)


def _shown(character: str) -> str:
    if character.isprintable() or character in "\n\t" or character in _JOINERS:
        return character
    return " " if unicodedata.category(character) == "Zs" else SHOWN_INSTEAD
