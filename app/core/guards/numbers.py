"""`numbers_changed` and `numbers_missing`: what became of the numbers of the reference."""

from __future__ import annotations

import re

from app.core.guards.evidence import Evidence, head, whole, words
from app.core.guards.figures import Figure, figures

#: A reference of so few words beside a number is little more than the number.
_WORDS_OF_A_BARE_NUMBER = 6
_MOST_FIGURES = 60
_ASKS_FOR_ONE = re.compile(
    r"\bhow (?:many|much|long|old|far|high|tall|deep|big|large|fast|heavy|often|hot|cold|wide)\b"
    r"|\bwhen\b|\b(?:what|which) (?:year|date|day(?! of the week)|time|number|age|percentage|"
    r"temperature|speed)\b"
    r"|\bwhat is the (?:\w+ )?(?:speed|height|length|distance|population|number|half-life|age|mass|"
    r"weight|price|cost|temperature|value|sum|product|area|depth|boiling point|melting point)\b"
    r"|\bwhat is \d|\b(?:calculate|compute|calcula|calcular)\b"
    r"|\bcuánt[oa]s?\b|\bcuándo\b|\bqué (?:año|fecha|día(?! de la semana)|hora|edad|número|"
    r"porcentaje|temperatura|velocidad|altura|distancia)\b"
    r"|\bcuál es (?:la|el|su) (?:velocidad|altura|distancia|población|número|edad|masa|"
    r"peso|precio|temperatura|valor|suma)\b",
    re.IGNORECASE,
)
#: Words for numbers that are not read: an answer with one is given the benefit of the doubt.
_IN_OTHER_WORDS = re.compile(
    r"\b(?:veinti\w+|\w*cient[oa]s?|quinient[oa]s|mil|millones|hundreds?|thousands?|millions?|"
    r"dozens?|docenas?|half|mitad|quarter|noon|midnight|mediodía|medianoche|once|twice|"
    r"double|doble|triple|none|zero|cero|pair|par|nil|i{2,3}|iv|vi{1,3}|ix)\b",
    re.IGNORECASE,
)


def numbers_changed(evidence: Evidence) -> str | None:
    """Object when a number of the reference is not in the answer, and another is in its place.

    In its place: of its kind, new to question and reference, and with the same word after it or
    the same two before it. Any place will do when the question asks for a number and the answer
    has none of the reference's.
    """
    lacking, foreign = _compare(evidence)
    if not lacking or not foreign:
        return None
    asked = asks_for_a_number(evidence.question) and not _any_told(evidence, weak=False)
    times_only = any(each.kind == "clock" for each in lacking)
    for wanted in lacking:
        anywhere = asked and (wanted.kind == "clock" or not times_only)
        for other in foreign:
            if wanted.kind == other.kind and (anywhere or _in_place(wanted, other)):
                return f"the reference says {wanted.text}, the answer {other.text}"
    return None


def numbers_missing(evidence: Evidence) -> str | None:
    """Object when a number is what was asked for, and the answer has none.

    Asked for: by the question's words, or because the reference is little more than a number.
    """
    lacking, _ = _compare(evidence)
    if not lacking:
        return None
    told = any(not each.weak for each in figures(evidence.answer)) or _any_told(evidence, weak=True)
    if told or _IN_OTHER_WORDS.search(head(evidence.answer)):
        return None
    bare = len(words(evidence.stated_reference)) <= _WORDS_OF_A_BARE_NUMBER
    if not bare and not asks_for_a_number(evidence.question):
        return None
    return f"the reference says {lacking[0].text}, the answer no number"


def asks_for_a_number(question: str) -> bool:
    """Tell whether a question asks for a number, a time or a date."""
    return _ASKS_FOR_ONE.search(head(question)) is not None


def _compare(evidence: Evidence) -> tuple[list[Figure], list[Figure]]:
    """Return the numbers that only the reference has, and those that only the answer has.

    None in texts too long, or with too many numbers, to be compared in a few milliseconds.
    """
    if not whole(evidence.answer, evidence.question, evidence.stated_reference):
        return [], []
    reference = figures(evidence.stated_reference)
    if not 0 < len(reference) <= _MOST_FIGURES:
        return [], []
    given, said = figures(evidence.question), figures(evidence.answer)
    if len(given) + len(said) > _MOST_FIGURES:
        return [], []
    known = [*given, *reference]
    lacking = [each for each in reference if not each.weak and not _among(each, [*given, *said])]
    foreign = [each for each in said if not each.weak and not _among(each, known)]
    return lacking, foreign


def _any_told(evidence: Evidence, *, weak: bool) -> bool:
    """Tell whether the answer has a number of the reference, and not from the question.

    `weak`: one like "first" will do.
    """
    given, said = figures(evidence.question), figures(evidence.answer)
    return any(
        (weak or not each.weak) and _among(each, said) and not _among(each, given)
        for each in figures(evidence.stated_reference)
    )


def _among(figure: Figure, others: list[Figure]) -> bool:
    return any(figure.same(other) for other in others)


def _in_place(wanted: Figure, other: Figure) -> bool:
    same_after = bool(wanted.after) and wanted.after[:5] == other.after[:5]
    same_before = len(wanted.before) == 2 and wanted.before == other.before
    return same_after or same_before
