"""Synthetic questions and references of a wanted length, in English and Spanish.

They are made of everyday words, so that tokenisers and models have the work that they have with
real texts. They mean nothing.
"""

from __future__ import annotations

from random import Random
from typing import NamedTuple


class _Language(NamedTuple):
    openings: tuple[str, ...]
    before: str
    words: str


_LANGUAGES = {
    "en": _Language(
        ("What", "Why", "How", "When", "Where", "Which"),
        "",
        "the a of in for with about between after before river mountain city country capital "
        "village teacher doctor engine garden winter summer morning history science music "
        "language number question answer water bread paper window bridge station is was does "
        "can find make build grow write speak learn carry small large old new early late "
        "common simple ancient northern possible different",
    ),
    "es": _Language(
        ("Qué", "Por qué", "Cómo", "Cuándo", "Dónde", "Cuál"),
        "¿",
        "el la de en para con sobre entre después antes río montaña ciudad país capital pueblo "
        "maestra médico motor jardín invierno verano mañana historia ciencia música idioma "
        "número pregunta respuesta agua pan papel ventana puente estación es fue hace puede "
        "encontrar hacer construir crecer escribir hablar aprender llevar pequeño grande viejo "
        "nuevo temprano tarde común sencillo antiguo año niño español posible distinto",
    ),
}
LANGUAGES = tuple(_LANGUAGES)
_WORDS = {name: tuple(each.words.split()) for name, each in _LANGUAGES.items()}


def make_question(draw: Random, words: int, language: str) -> str:
    """Return a question of so many words."""
    found = _LANGUAGES[language]
    opening = draw.choice(found.openings)
    rest = draw.choices(_WORDS[language], k=max(0, words - len(opening.split())))
    return found.before + " ".join([opening, *rest]) + "?"


def make_reference(draw: Random, words: int, language: str) -> str:
    """Return a sentence of so many words."""
    text = " ".join(draw.choices(_WORDS[language], k=max(1, words)))
    return text[0].upper() + text[1:] + "."
