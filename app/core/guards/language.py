"""`language`: the answer is in another language than the reference (or the question)."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

from app.core.guards.evidence import Evidence, head, words

_PROFILES: dict[str, frozenset[str]] = {
    name: frozenset(profile.split())
    for name, profile in {
        "English": "the of and to in is that it for as was with be by on not this are or from at "
        "which but have an they you were their has its when than can there if how what will so "
        "these your been into do does who where because i he she we it's many much a did use",
        "Spanish": "a el la de que y en los del se las por un para con no una su al lo como "
        "más pero sus le ya o este sí porque esta entre cuando muy sin sobre también me hasta hay "
        "donde quien desde todo nos durante todos uno les ni ese es son está fue ser era cuál qué "
        "quién cómo dónde cuándo cuánto cuántos cuántas",
        "French": "le la de et les des en un du une que est pour qui dans par plus pas au sur ne "
        "se ce il sont avec aux ou mais comme leur être cette ont elle deux même nous vous je "
        "d'un d'une l'eau c'est qu'il son ses",
        "German": "der die und in den von zu das mit sich des auf für ist im dem nicht ein eine "
        "als auch es an werden aus er hat dass sie nach wird bei einer um am sind noch wie einem "
        "über einen so zum war haben nur oder aber vor zur bis mehr durch",
        "Italian": "di e il la che in un per è del della con non una le da si al dei i come lo nel "
        "più ma alla gli sono anche questo delle ha essere o se nella dal ai fu suo ed tra degli "
        "molto su quando perché dell'acqua",
        "Portuguese": "de a o que e do da em um para com não uma os no se na por mais as dos como "
        "mas ao ele das à seu sua ou quando muito nos já eu também só pelo pela até isso ela entre "
        "era depois sem mesmo aos são está foi é você",
    }.items()
}
_SCRIPTS = {
    "CYRILLIC": "Cyrillic",
    "GREEK": "Greek",
    "CJK": "Chinese or Japanese",
    "HIRAGANA": "Chinese or Japanese",
    "KATAKANA": "Chinese or Japanese",
    "HANGUL": "Korean",
    "ARABIC": "Arabic",
    "HEBREW": "Hebrew",
    "DEVANAGARI": "Devanagari",
    "THAI": "Thai",
}
#: Whatever `language_of` may return.
LANGUAGES = (*_PROFILES, *dict.fromkeys(_SCRIPTS.values()))
#: What profiles and files call them: `en`, and `cyrillic` where a script says no more.
_CODES = {"English": "en", "Spanish": "es", "French": "fr", "German": "de", "Italian": "it"}
_CODES["Portuguese"] = "pt"
_NAMED = re.compile(
    r"\b(?:translat|tradu|transl[ií]t|language|idioma|lengua|english|ingl[eé]s|spanish|espa[nñ]ol|"
    r"castellano|french|franc[eé]s|german|alem[aá]n|italian|portug|chin|japan|japon|corea|korea|"
    r"russia|rus[oa]|arab|[aá]rabe|latin|lat[ií]n|greek|griego|hebre|hindi|pronounce|pronuncia)",
    re.IGNORECASE,
)
_CODE = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_LEAST_WORDS = 6
_LEAST_LETTERS = 12
_LEAST_HITS = 3
_LEAST_SHARE = 0.2
#: How many times the different words of the next language.
_CLEARLY = 1.7


def language_of(text: str) -> str | None:
    """Return the language (Latin script) or script of a text, or None when that is not clear."""
    text = _CODE.sub(" ", head(text))
    letters = [c for c in text if c.isalpha()]
    if len(letters) < _LEAST_LETTERS:
        return None
    sample = letters[:2_000]
    others = [letter for letter in sample if not letter.isascii()]
    scripts = Counter(map(_script, others))
    scripts["LATIN"] += len(sample) - len(others)
    script, count = scripts.most_common(1)[0]
    if count < 0.7 * scripts.total():
        return None
    return _latin(words(text)) if script == "LATIN" else _SCRIPTS.get(script)


def language(evidence: Evidence) -> str | None:
    """Object when both languages are clear and differ.

    The reference tells the language; one that is too short does so together with the question,
    unless that names languages (a translation).
    """
    said = language_of(evidence.answer)
    if said is None:
        return None
    wanted = stated_language(evidence.question, evidence.stated_reference)
    if wanted is None or wanted == said:
        return None
    return f"the answer is in {said}, not in {wanted}"


def stated_language(question: str, reference: str) -> str | None:
    """Return the language of the reference; of both where it is too short, and neither is named."""
    found = language_of(reference)
    if found is None and not _NAMED.search(head(question)):
        found = language_of(f"{question} {reference}")
    return found


def language_code(name: str) -> str:
    """Return `en` for `English`, in any case; other names in lower case."""
    plain = name.strip()
    return _CODES.get(plain.capitalize(), plain.lower())


#: The codes of whatever `language_of` may return.
LANGUAGE_CODES = tuple(map(language_code, LANGUAGES))


def _script(letter: str) -> str:
    if letter.isascii():
        return "LATIN"
    script = unicodedata.name(letter, "").split(" ", 1)[0]
    return "CJK" if script in {"HIRAGANA", "KATAKANA"} else script


def _latin(found: list[str]) -> str | None:
    if len(found) < _LEAST_WORDS:
        return None
    different = {name: len(profile & set(found)) for name, profile in _PROFILES.items()}
    (first, most), (_, next_most) = Counter(different).most_common(2)
    hits = sum(word in _PROFILES[first] for word in found)
    clear = most >= _LEAST_HITS and hits >= _LEAST_SHARE * len(found)
    return first if clear and most >= _CLEARLY * next_most else None
