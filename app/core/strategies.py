"""What changes when a weak answer is asked for again. Never the reference: that is cheating."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

#: The one thing that a template may hold: there is no name for the reference answer.
PLACEHOLDER = "{question}"
_PLACEHOLDERS = re.compile(r"\{\s*\w*\s*\}")

TEMPERATURE_BOUNDS = (0.0, 2.0)
SEED_BOUNDS = (0, 2**31 - 1)
MAX_TOKENS_BOUNDS = (1, 32_768)
MAX_TEMPLATE_CHARACTERS = 8_000


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a model is asked: texts, and the sampling of this generation.

    `model` is another model of the same server; empty: the server's model in force.
    """

    system: str
    user: str
    temperature: float
    seed: int
    max_tokens: int = 512
    model: str = ""


@dataclass(frozen=True, slots=True)
class Strategy:
    """Sampling and wording of one generation; `prompt` is a template with PLACEHOLDER once."""

    temperature: float
    seed: int
    prompt: str = PLACEHOLDER
    system: str = ""
    max_tokens: int = 512
    model: str = ""


#: By generation, from 1; the last one serves all that follow.
STRATEGIES = (
    Strategy(temperature=0.0, seed=1),
    Strategy(
        temperature=0.6,
        seed=2,
        prompt=f"Answer in one or two complete sentences.\n\n{PLACEHOLDER}",
    ),
    Strategy(
        temperature=0.9,
        seed=3,
        prompt=f"Explain the answer briefly and precisely.\n\n{PLACEHOLDER}",
    ),
)


def strategy_for(generation: int, strategies: Sequence[Strategy] = STRATEGIES) -> Strategy:
    """Return the strategy of a `generation` (1 = first); the last one serves all that follow."""
    return strategies[min(max(generation, 1), len(strategies)) - 1]


def prompt_for(
    question_text: str, generation: int, strategies: Sequence[Strategy] = STRATEGIES
) -> Prompt:
    """Return the prompt of a question's `generation` (1 = first).

    The question is put in as it is: braces in it mean nothing. The built-in system text stays
    empty: the bundled model's own default system prompt spoils easy answers.
    """
    strategy = strategy_for(generation, strategies)
    before, _, after = strategy.prompt.partition(PLACEHOLDER)
    return Prompt(
        system=strategy.system,
        user=f"{before}{question_text}{after}",
        temperature=strategy.temperature,
        seed=strategy.seed,
        max_tokens=strategy.max_tokens,
        model=strategy.model,
    )


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
