"""`refusal`: the model says that it will not or can't answer (English and Spanish)."""

from __future__ import annotations

import re

from app.core.guards.evidence import Evidence, head, words

#: A refusal is at the very beginning; deep in a text the same words are somebody's.
_OPENING_CHARACTERS = 300
#: After a hedge ("..., but here is ...") this many words are an answer.
_WORDS_OF_AN_ANSWER = 12

_CANT = r"(?:can't|cannot|can not|am unable to|'m unable to|am not able to|'m not able to|won't)"
_DO = (
    r"(?:help|assist|answer|provide|fulfil|fulfill|comply|do that|discuss|respond|offer|engage|"
    r"give|share|continue|complete|generate|create|write|support|process|express|have|tell|access|"
    r"recommend|determine|fulfill?|find|browse|verify|predict|say|do this|make)"
)
_NO_PUEDO = r"no (?:puedo|podr[eé]|me es posible|estoy en condiciones de|soy capaz de)"
_HACER = (
    r"(?:ayudar|responder|contestar|proporcionar|cumplir|hacer eso|ofrecer|dar|asistir|brindar|"
    r"generar|escribir|crear|completar|procesar|satisfacer|atender|compartir|opinar|tener)"
)
_HECHO = rf"{_HACER}(?:te|le|les|lo|la|se|os|me)*\b"
_REFUSAL = re.compile(
    "|".join(
        (
            r"as an? (?:ai|artificial intelligence|language model|large language model)\b"
            r"[^.!?\n]{0,60}?\bi (?:can't|cannot|can not|don't|do not|am|'m|won't)\b",
            rf"(?:i(?:'m| am) (?:very |so |really )?(?:sorry|afraid)|i apologi[sz]e|sorry|"
            rf"unfortunately)[,.:;]?\s+(?:but |that )?i(?: |(?='m)){_CANT} (?:\w+ )?{_DO}\b",
            r"(?:i'm sorry,? )?(?:but )?i (?:don't|do not) know(?: the answer| that)?\s*"
            r"(?:[.!]|\Z)",
            r"(?:i'm sorry,? )?(?:but )?i (?:don't|do not) have (?:enough|sufficient|access|any|"
            r"the) (?:information|data|context|to)\b",
            rf"i(?: |(?='m)){_CANT} {_DO}\b",
            r"(?:i'm|i am) (?:just |only )?an? (?:ai|language model)\b[^.!?\n]{0,60}?"
            r"\b(?:can't|cannot|don't|do not|unable)\b",
            r"como (?:un |una )?(?:ia|inteligencia artificial|modelo de lenguaje|asistente)\b"
            r"[^.!?\n]{0,60}?\bno\b",
            rf"(?:lo siento|lo lamento|lamento|me temo que|perd[oó]n|disculpa|disculpe|"
            rf"lamentablemente|desafortunadamente)[,.:;]?\s*(?:pero |que )?{_NO_PUEDO} {_HECHO}",
            rf"{_NO_PUEDO} {_HECHO}",
            r"(?:lo siento,? )?(?:pero )?no (?:lo )?s[eé](?: la respuesta| eso)?\s*(?:[.!]|\Z)",
            r"(?:lo siento,? )?(?:pero )?no (?:tengo|dispongo de) (?:suficiente |la |acceso a |"
            r"esa )?(?:esa |la )?informaci[oó]n\b",
        )
    )
)
_GOES_ON = re.compile(
    r"\b(?:but|however|that said|still|here is|here's|here are|in general|generally|"
    r"pero|sin embargo|no obstante|aun as[ií]|aqu[ií] tienes|en general)\b"
)


def refusal(evidence: Evidence) -> str | None:
    """Object to an answer that opens with a refusal, unless it goes on to answer.

    Not when the reference refuses, too: then that is the right answer.
    """
    found = _refuses(evidence.answer)
    if found is None or _refuses(evidence.stated_reference):
        return None
    return f"the model declines to answer ({found!r})"


def _refuses(text: str) -> str | None:
    start = head(text).lstrip(" \n\t*_#>-").casefold()
    found = _REFUSAL.match(start, 0, _OPENING_CHARACTERS)
    if found is None:
        return None
    turn = _GOES_ON.search(start, found.end())
    if turn is not None and len(words(start[turn.end() :])) >= _WORDS_OF_AN_ANSWER:
        return None
    return " ".join(found.group().split())[:80]
