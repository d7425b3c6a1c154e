"""Numbers in a text: digits in English and Spanish notation, and number words."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from app.core.guards.evidence import head, word_set

_WORDS = {
    word: value
    for value, spelt in enumerate(
        (
            "zero cero",
            "one un uno una",
            "two dos",
            "three tres",
            "four cuatro",
            "five cinco",
            "six seis",
            "seven siete",
            "eight ocho",
            "nine nueve",
            "ten diez",
            "eleven once",
            "twelve doce",
            "thirteen trece",
            "fourteen catorce",
            "fifteen quince",
            "sixteen dieciséis",
            "seventeen diecisiete",
            "eighteen dieciocho",
            "nineteen diecinueve",
            "twenty veinte",
        )
    )
    for word in spelt.split()
}
#: "eleven" in Spanish is "once", an everyday word in English: it is never wanted.
_EVERYDAY = word_set("one un uno una once zero cero")
_TENS = {
    word: 10.0 * value
    for value, spelt in enumerate(
        (
            "thirty treinta",
            "forty cuarenta",
            "fifty cincuenta",
            "sixty sesenta",
            "seventy setenta",
            "eighty ochenta",
            "ninety noventa",
            "hundred cien",
        ),
        start=3,
    )
    for word in spelt.split()
}
_ORDINALS = {
    word: value
    for value, spelt in enumerate(
        (
            "first primer primero primera",
            "second segundo segunda",
            "third tercer tercero tercera",
            "fourth cuarto cuarta",
            "fifth quinto quinta",
            "sixth sexto sexta",
            "seventh séptimo séptima",
            "eighth octavo octava",
            "ninth noveno novena",
            "tenth décimo décima",
        ),
        start=1,
    )
    for word in spelt.split()
}
_MULTIPLIERS = {
    "hundred": 1e2,
    "thousand": 1e3,
    "mil": 1e3,
    "million": 1e6,
    "millón": 1e6,
    "millones": 1e6,
    "billion": 1e9,
}
_ABOUT = word_set(
    "about around roughly approximately approx nearly almost over circa ca some unos unas casi "
    "aproximadamente alrededor cerca más than under below menos"
)
_TIMES = frozenset({"x", "*", "\u00d7", "\u00b7"})
_POWERS = frozenset(map(str, range(31)))
_PER = frozenset({"per", "por", "a", "each", "cada"})
_TOKEN = re.compile(
    r"(?P<clock>(?<![\w:.,])\d{1,2}:\d{2}(?![\w:]))"
    r"|(?P<digits>(?<![\w.,\-])(?:\d{1,3}(?: \d{3}(?![\w.,]?\d))+|\d{1,15})"
    r"(?:[.,\u00a0\u202f]\d{3}(?!\d))*(?:[.,]\d{1,9})?"
    r"(?=(?:st|nd|rd|th|[%\u00b0\u00ba\u00aa$\u20ac]|km|m|cm|kg|g|s|h|k)?(?![\w])))"
    r"|(?P<word>[^\W\d_]+)"
    r"|(?P<other>\S)"
)
_LIST_MARK = re.compile(r"^\s*\(?\d{1,2}[.)](?=[^\S\n]+\S)", re.MULTILINE)
_LEAST_YEAR, _LATEST_YEAR = 1000, 2100


@dataclass(frozen=True, slots=True)
class Figure:
    """One number: what it may be worth ("1.000" is 1000 or 1), as written, and its neighbours.

    `kind` is `year`, `clock` or empty: one kind is not in the place of another. `weak` ones (one,
    once, first) are too common in speech to be missed or objected to.
    """

    values: frozenset[float]
    text: str
    weak: bool = False
    about: bool = False
    kind: str = ""
    before: tuple[str, ...] = ()
    after: str = ""

    def same(self, other: Figure) -> bool:
        """Tell whether both may be one number, perhaps in other units (km and m, 5 % and 0.05).

        "about" forgives 5 %, but not in a year.
        """
        if self.values & other.values:
            return True
        if self.kind or other.kind:
            return False
        forgiven = 0.05 if self.about or other.about else 1e-9
        return any(
            abs(a - b * scale) <= forgiven * abs(a)
            for a in self.values
            for b in other.values
            for scale in _scales(a, b)
        )


def _scales(one: float, other: float) -> tuple[float, ...]:
    if one >= 100 and other >= 100 and max(one, other) >= 100_000:
        return (1, 1e3, 1e-3)
    if min(one, other) < 1 <= max(one, other):
        return (1, 1e2, 1e-2)
    return (1,)


def figures(text: str) -> list[Figure]:
    """Return the numbers of a text in order, with list marks and digits in names left out."""
    tokens = list(_TOKEN.finditer(_LIST_MARK.sub(" ", head(text.strip()))))
    spoken = [token.group().casefold() for token in tokens]
    found: list[Figure] = []
    skip = -1
    for at, token in enumerate(tokens):
        if at <= skip or token.lastgroup == "other":
            continue
        figure = _figure(token, spoken[at])
        per_second = spoken[at].startswith(("second", "segund")) and spoken[at - 1] in _PER
        if figure is None or (at and per_second):
            continue
        figure, end = _scaled(figure, spoken, at)
        skip = end
        before = tuple(word for word in spoken[max(0, at - 4) : at] if word.isalpha())
        after = next((w for w in spoken[end + 1 : end + 3] if w.isalpha() or w in "%\u00b0"), "")
        about = (
            figure.about or bool(_ABOUT & set(before[-3:])) or "~" in spoken[max(0, at - 1) : at]
        )
        found.append(replace(figure, before=before[-2:], after=after, about=about))
    return found


def _figure(token: re.Match[str], spoken: str) -> Figure | None:
    if token.lastgroup == "clock":
        hours, minutes = spoken.split(":")
        return Figure(frozenset({int(hours) + int(minutes) / 60}), token.group(), kind="clock")
    if token.lastgroup == "digits":
        values = _values(spoken)
        year = spoken.isdigit() and len(spoken) == 4 and _in_years(values)
        return Figure(values, token.group(), kind="year" if year else "")
    if spoken in _WORDS:
        return Figure(frozenset({float(_WORDS[spoken])}), spoken, weak=spoken in _EVERYDAY)
    if spoken in _TENS:
        return Figure(frozenset({_TENS[spoken]}), spoken)
    if spoken in _ORDINALS:
        return Figure(frozenset({float(_ORDINALS[spoken])}), spoken, weak=True)
    return None


def _values(digits: str) -> frozenset[float]:
    """Return what digits may be worth: a point or comma parts thousands, or decimals."""
    plain = re.sub(r"[ \u00a0\u202f]", "", digits)
    marks = [c for c in plain if c in ".,"]
    if not marks:
        return frozenset({float(plain)})
    values = set()
    last = max(plain.rfind("."), plain.rfind(","))
    groups = re.split(r"[.,]", plain)
    if all(len(group) == 3 for group in groups[1:]) and len(set(marks)) == 1:
        values.add(float("".join(groups)))
    if marks.count(plain[last]) == 1:
        values.add(float(re.sub(r"[.,]", "", plain[:last]) + "." + plain[last + 1 :]))
    return frozenset(values or {float("".join(groups))})


def _in_years(values: frozenset[float]) -> bool:
    return all(_LEAST_YEAR <= value <= _LATEST_YEAR for value in values)


def _with_units(figure: Figure, spoken: list[str], at: int) -> tuple[Figure, int]:
    """Take in the units after tens in words: `ninety-five`, `noventa y cinco`."""
    tens = _TENS.get(spoken[at], 20.0 if spoken[at] in ("twenty", "veinte") else 0.0)
    end = at + 2 if spoken[at + 1 : at + 2] in (["-"], ["y"]) else at + 1
    units = _WORDS.get(spoken[end], 10) if end < len(spoken) else 10
    if not 0 < tens < 100 or not 0 < units < 10:
        return figure, at
    return replace(figure, values=frozenset({tens + units})), end


def _with_rest(figure: Figure, by: float, spoken: list[str], at: int) -> tuple[Figure, int]:
    """Take in what is added to hundreds and thousands: `two hundred and fifty`."""
    end = at + 2 if spoken[at + 1 : at + 2] == ["and"] else at + 1
    word = spoken[end] if end < len(spoken) else ""
    rest = float(_WORDS.get(word, 0)) or _TENS.get(word, 0.0)
    if not 0 < rest < by:
        return figure, at
    added, last = _with_units(Figure(frozenset({rest}), word), spoken, end)
    [more] = added.values
    return replace(figure, values=frozenset(value + more for value in figure.values)), last


def _scaled(figure: Figure, spoken: list[str], at: int) -> tuple[Figure, int]:
    """Take in what follows: `million`, `and a half`, `x 10^8`."""
    end = at
    power = spoken[end + 1 : end + 5]
    if power[1:3] == ["10", "^"] and power[0] in _TIMES and power[-1] in _POWERS:
        end += 4
        scaled = frozenset(value * 10.0 ** int(power[-1]) for value in figure.values)
        return replace(figure, values=scaled, about=True, kind=""), end
    figure, end = _with_units(figure, spoken, at)
    while spoken[end + 1 : end + 2] and spoken[end + 1] in _MULTIPLIERS:
        end += 1
        by = _MULTIPLIERS[spoken[end]]
        values = frozenset(value * by for value in figure.values)
        figure = replace(figure, values=values, weak=False, kind="")
        figure, end = _with_rest(figure, by, spoken, end)
    if spoken[end + 1 : end + 4] == ["and", "a", "half"]:
        end += 3
        figure = replace(figure, values=frozenset(v + 0.5 for v in figure.values), weak=False)
    elif spoken[end + 1 : end + 3] in (["y", "media"], ["y", "medio"]):
        end += 2
        figure = replace(figure, values=frozenset(v + 0.5 for v in figure.values), weak=False)
    return figure, end
