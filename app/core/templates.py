"""Templates of prompts: a text with one place for the question, and none for anything else."""

from __future__ import annotations

import re

#: The one thing that a template may hold: there is no name for the reference answer.
PLACEHOLDER = "{question}"
_PLACEHOLDERS = re.compile(r"\{\s*\w*\s*\}")

MAX_TEMPLATE_CHARACTERS = 8_000


def filled(template: str, question_text: str) -> str:
    """Return the template with the question in its place, as it is: braces in it mean nothing."""
    before, _, after = template.partition(PLACEHOLDER)
    return f"{before}{question_text}{after}"


def template_problem(template: str) -> str | None:
    """Return what is wrong with a prompt template, or None.

    Anything that looks like another placeholder is refused: `{reference}` must not look as if it
    could work, and is a mistake as plain text.
    """
    if len(template) > MAX_TEMPLATE_CHARACTERS:
        return f"it is over {MAX_TEMPLATE_CHARACTERS} characters"
    if "\x00" in template:
        return "it has a NUL"
    others = [found for found in _PLACEHOLDERS.findall(template) if found != PLACEHOLDER]
    if others:
        return f"{others[0]} can't be filled in: {PLACEHOLDER} is all there is"
    if template.count(PLACEHOLDER) != 1:
        return f"it needs {PLACEHOLDER} exactly once"
    return None


def system_problem(text: str) -> str | None:
    """Return what is wrong with a system text, or None: it takes no placeholder at all."""
    if len(text) > MAX_TEMPLATE_CHARACTERS:
        return f"it is over {MAX_TEMPLATE_CHARACTERS} characters"
    if "\x00" in text:
        return "it has a NUL"
    if found := _PLACEHOLDERS.search(text):
        return f"{found.group()} is not filled in here"
    return None
