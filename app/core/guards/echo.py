"""`echo`: the answer is the question again."""

from __future__ import annotations

from app.core.guards.evidence import Evidence, whole, word_set, words

#: A shorter question may well be its own answer ("Hello!").
_LEAST_WORDS = 3
_LABELS = (
    ["question"],
    ["the", "question", "is"],
    ["you", "asked"],
    ["q"],
    ["pregunta"],
    ["la", "pregunta", "es"],
)
_QUESTION_WORDS = word_set(
    "what which who whom whose when where why how "
    "qué quién quiénes cuál cuáles cuándo dónde adónde cómo cuánto cuánta cuántos cuántas"
)


def echo(evidence: Evidence) -> str | None:
    """Object when the answer is nothing but the words of the question, once or more often.

    Not when a yes-or-no question comes back as a statement ("¿Madrid es la capital?"), nor when
    the reference has the same words.
    """
    if not whole(evidence.question, evidence.answer):
        return None
    asked, said = words(evidence.question), words(evidence.answer)
    if len(asked) < _LEAST_WORDS or said == words(evidence.stated_reference):
        return None
    for label in _LABELS:
        if said[: len(label)] == label and asked[: len(label)] != label:
            said = said[len(label) :]
            break
    times, rest = divmod(len(said), len(asked))
    if not times or rest or said != asked * times:
        return None
    yes_or_no = "?" in evidence.question and not _QUESTION_WORDS & set(asked)
    if yes_or_no and "?" not in evidence.answer:
        return None
    return "the answer repeats the question"
