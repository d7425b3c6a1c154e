"""Right answers made wrong by rule, in English and Spanish: negated, or with other numbers.

The rules leave alone what they do not understand: None is "no such answer could be made".
"""

from __future__ import annotations

import re
from random import Random

from app.core.guards.evidence import word_set

_WORD = r"[^\W\d_]+"
_YES = {"yes": "No", "no": "Yes", "sí": "No", "si": "No"}
_OPENING = re.compile(r"\s*(yes|no|sí|si)\b(?=\s*[,.;:!]|\s*\Z)", re.IGNORECASE)

_SENTENCE = re.compile(r"([^.!?]*)([.!?]?)(.*)", re.DOTALL)

_EN_NOT = re.compile(
    r"\b(?:(can)not|(\w+)n['\u2019]t|not\s+(?=\w)|never\s+(?=\w))\b", re.IGNORECASE
)
_EN_AUXILIARY = re.compile(  # in lower case: May is a month, Will a name
    r"\b(?:is|are|was|were|could|will|would|should|must|might|(?:can|may)(?=\s+[a-z]))\b"
)
_EN_HAVE = re.compile(r"\b(have|has|had)\b(?=\s+(\w+))", re.IGNORECASE)
_EN_SUBJECT = re.compile(r"\b(I|you|we|they|people|it|he|she)\s+([a-z]+)\b", re.IGNORECASE)
_EN_ORDER = re.compile(
    r"(?P<lead>\A\s*|[.!?]\s+)(?P<verb>add|apply|avoid|blot|boil|bring|check|choose|clean|cut|"
    r"drink|eat|feed|fill|give|go|hold|keep|leave|let|loosen|make|mix|open|place|pour|press|put|"
    r"register|remove|rinse|set|start|stay|take|tighten|try|turn|use|wait|walk|wash|write)\b",
    re.IGNORECASE,
)
_EN_SHORT = {"ca": "can", "wo": "will", "sha": "shall"}
_NO_VERBS = word_set(
    "and or who that which to of in on at with also always often usually just only both all "
    "themselves themself itself himself herself alone then too either each"
)

_ES_NOT = re.compile(r"\b(no|nunca|jamás)\s+(?=\w)", re.IGNORECASE)
_ES_VERB = re.compile(
    r"\b(?:(?:se|le|les|me|nos|lo(?!\s+que\b))\s+(?=\w+)|"
    r"(?:es|son|era|eran|fue|fueron|está|están|hay|tiene|tienen|puede|pueden|debe|deben|hierve|"
    r"viaja|significa|contiene|sirve|sirven|existe|existen|terminó|ocurre|ocurren|produce|producen|"
    r"conviene|llevan|lleva|arrastran|disuelven|dispersa|dispersan|vale|dura|duran|mide|pesa)\b)",
    re.IGNORECASE,
)
_ES_ARTICLES = frozenset({"el", "la", "los", "las", "un", "una", "mismo", "más", "de"})

_NUMBER = re.compile(
    r"(?<![\w.,])\d[\d.,\u00a0\u202f]*(?<=\d)(?!\d|(?:st|nd|rd|th)\b)|\b[^\W\d_]{3,}\b"
)
_NUMBER_WORDS = [
    words.split()
    for words in (
        "two three four five six seven eight nine ten twelve fifteen",
        "twenty thirty forty fifty sixty seventy eighty ninety",
        "dos tres cuatro cinco seis siete ocho nueve diez doce quince",
        "veinte treinta cuarenta cincuenta sesenta setenta ochenta noventa",
    )
]
_CLASS_OF = {word: words for words in _NUMBER_WORDS for word in words}


def negated(text: str, language: str) -> str | None:
    """Return the text with its first statement turned round, or None.

    A yes becomes a no, a "not" goes, or one comes where the grammar of the first clause is plain.
    `language` `es` is read as Spanish, every other as English.
    """
    turn = _negated_spanish if language == "es" else _negated_english
    opening = _OPENING.match(text)
    if opening is None:
        return turn(text)
    said = opening.group(1).lower()
    other = "Sí" if said == "no" and language == "es" else _YES[said]
    first, end, others = _SENTENCE.match(text[opening.end() :]).groups()  # type: ignore[union-attr]
    return text[: opening.start(1)] + other + (turn(first) or first) + end + others


def changed_numbers(text: str, random: Random) -> str | None:
    """Return the text with each of its numbers, in digits or words, replaced by another one.

    "one" and its like stay: they are rarely meant as numbers. None when there is no number.
    """
    changed = _NUMBER.sub(lambda found: _other(found.group(), random), text)
    return changed if changed != text else None


def _negated_english(text: str) -> str | None:
    there = _EN_NOT.search(text)
    if there is not None:
        return _cut(text, there, _affirmed(there))
    for way in (_before_have, _after_auxiliary, _after_subject, _order):
        found = way(text)
        if found is not None:
            return found
    return None


def _affirmed(there: re.Match[str]) -> str:
    if there.group(1):
        return there.group(1)
    stem = there.group(2)
    return _EN_SHORT.get(stem.lower(), stem) if stem else ""


def _after_auxiliary(text: str) -> str | None:
    found = _EN_AUXILIARY.search(text)
    return None if found is None else f"{text[: found.end()]} not{text[found.end() :]}"


def _before_have(text: str) -> str | None:
    """Negate a `have` that comes before any auxiliary: the perfect, or the main verb."""
    found = _EN_HAVE.search(text)
    auxiliary = _EN_AUXILIARY.search(text)
    if found is None or (auxiliary is not None and auxiliary.start() < found.start()):
        return None
    verb, then = found.group(1).lower(), found.group(2).lower()
    if then == "been" or then.endswith("ed"):
        instead = f"{verb} not"
    else:
        instead = {"have": "do not have", "has": "does not have", "had": "did not have"}[verb]
    return _cut(text, found, instead)


def _after_subject(text: str) -> str | None:
    for found in _EN_SUBJECT.finditer(text):
        subject, verb = found.group(1), found.group(2)
        if verb.lower() in _NO_VERBS:
            continue
        if subject.lower() not in ("it", "he", "she"):
            return _cut(text, found, f"{subject} do not {verb}")
        if verb.endswith("s") and not verb.endswith("ss"):
            return _cut(text, found, f"{subject} does not {_base(verb)}")
    return None


def _base(verb: str) -> str:
    """Return the plain form of a third person: `goes`, `carries`, `scatters`."""
    if verb.endswith("ies"):
        return f"{verb[:-3]}y"
    return verb[:-2] if verb.endswith(("oes", "shes", "ches", "sses", "xes")) else verb[:-1]


def _order(text: str) -> str | None:
    found = _EN_ORDER.search(text)
    if found is None:
        return None
    return _cut(text, found, f"{found.group('lead')}Do not {found.group('verb').lower()}")


def _negated_spanish(text: str) -> str | None:
    there = _ES_NOT.search(text)
    if there is not None:
        instead = "" if there.group(1).lower() == "no" else "siempre "
        cut = _cut(text, there, instead)
        return cut[0].upper() + cut[1:] if there.start() == 0 else cut
    for found in _ES_VERB.finditer(text):
        before = re.findall(_WORD, text[: found.start()])
        if before and before[-1].lower() in _ES_ARTICLES:
            continue
        verb = text[found.start() :]
        if found.start() == 0:
            return f"No {verb[0].lower()}{verb[1:]}"
        return f"{text[: found.start()]}no {verb}"
    return None


def _cut(text: str, found: re.Match[str], instead: str) -> str:
    return text[: found.start()] + instead + text[found.end() :]


def _other(token: str, random: Random) -> str:
    if not token[0].isdigit():
        return _other_word(token, random)
    if len(token) == 4 and token.isdigit():  # a year: another one of the same century
        return token[:2] + _different(token[2], random) + _different(token[3], random)
    return _different(token[0], random) + token[1:]


def _different(digit: str, random: Random) -> str:
    return random.choice([each for each in "123456789" if each != digit])


def _other_word(word: str, random: Random) -> str:
    like = _CLASS_OF.get(word.lower())
    if like is None:
        return word
    other = random.choice([each for each in like if each != word.lower()])
    return other.capitalize() if word[0].isupper() else other
