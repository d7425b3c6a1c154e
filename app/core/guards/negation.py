"""`negation`: answer and reference say the same thing, one of them with a "not"."""

from __future__ import annotations

import re

from app.core.guards.evidence import Evidence, head, sentences, word_set, words

_NEGATORS = word_set(
    "not no never cannot neither nor none nobody nothing without hardly "
    "nunca jamás tampoco ningún ninguna ninguno nada nadie ni sin"
)
_LITTLE = word_set(
    "the a an of and or to in is are was were be been it its that this for as with by on at from "
    "do does did can could will would should may might must has have had you your they their there "
    "yes so very also i we he she "
    "el la los las un una de del y o en es son era fue ser está están que se su sus por para con "
    "al lo le les como más sí pero hay ha han puede pueden debe deben muy también yo él ella "
    "ellos ellas"
)
_OPENS_WITH_YES = re.compile(r"\W*(?:yes|yeah|yep|sí|si|claro)\b\s*(?:[,.;:!]|\Z)", re.IGNORECASE)
_OPENS_WITH_NO = re.compile(r"\W*(?:no|nope)\b\s*(?:[,.;:!]|\Z)", re.IGNORECASE)
#: "..., and not Lyon, ...": that denies something else.
_ASIDE = re.compile(
    r",\s*(?:and |but |y |pero )?(?:not|no|never|nunca)\s[^,.;:]{1,60}(?=[,.;:]|\Z)", re.IGNORECASE
)
_LEAST_WORDS = 2
#: Shared content words of all of both sentences.
_ALIKE = 0.75
#: Letters by which inflected forms are taken for one word.
_STEM_LETTERS = 5


def negation(evidence: Evidence) -> str | None:
    """Object to a yes for a no, and to nearly the same sentence with or without a negation."""
    reference = evidence.stated_reference
    if not reference:
        return None
    said, stated = head(evidence.answer), head(reference)
    if not _negated(words(evidence.question)):
        if _OPENS_WITH_NO.match(stated) and _OPENS_WITH_YES.match(said):
            return "the reference says no, the answer yes"
        if _OPENS_WITH_YES.match(stated) and _OPENS_WITH_NO.match(said):
            return "the reference says yes, the answer no"
    theirs = [_statement(sentence) for sentence in sentences(reference)]
    for content, negated in map(_statement, sentences(evidence.answer)):
        alike = [
            no
            for other, no in theirs
            if _alike(content, other) or (negated and not no and _within(content, other))
        ]
        if alike and all(no != negated for no in alike):
            which = "answer" if negated else "reference"
            return f"only the {which} negates the statement"
    return None


def _statement(sentence: str) -> tuple[frozenset[str], bool]:
    """Return the content words of a sentence, and whether it is negated."""
    found = words(_ASIDE.sub("", sentence))
    content = frozenset(
        word[:_STEM_LETTERS] for word in found if word not in _LITTLE and not _negates(word)
    )
    return content, _negated(found)


def _negated(found: list[str]) -> bool:
    return any(map(_negates, found))


def _negates(word: str) -> bool:
    return word in _NEGATORS or word.endswith("n't")


def _within(one: frozenset[str], other: frozenset[str]) -> bool:
    """Tell whether a statement is part of another ("x is not y" beside "x is y, and also z")."""
    return len(one) >= _LEAST_WORDS and one <= other


def _alike(one: frozenset[str], other: frozenset[str]) -> bool:
    shared, every = len(one & other), len(one | other)
    return shared >= _LEAST_WORDS and shared >= _ALIKE * every
