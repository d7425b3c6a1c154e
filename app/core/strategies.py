"""What changes when a weak answer is asked for again. Never the reference: that is cheating."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a model is asked: texts, and the sampling of this generation."""

    system: str
    user: str
    temperature: float
    seed: int
    max_tokens: int = 512


@dataclass(frozen=True, slots=True)
class Strategy:
    """Sampling and wording of one generation. `instruction` goes before the question."""

    temperature: float
    seed: int
    instruction: str = ""


#: By generation, from 1; the last one serves all that follow.
STRATEGIES = (
    Strategy(temperature=0.0, seed=1),
    Strategy(temperature=0.6, seed=2, instruction="Answer in one or two complete sentences."),
    Strategy(temperature=0.9, seed=3, instruction="Explain the answer briefly and precisely."),
)


def prompt_for(question_text: str, generation: int) -> Prompt:
    """Return the prompt of a question's `generation` (1 = first).

    The system text stays empty: the bundled model's own default system prompt spoils easy answers.
    """
    strategy = STRATEGIES[min(max(generation, 1), len(STRATEGIES)) - 1]
    user = f"{strategy.instruction}\n\n{question_text}" if strategy.instruction else question_text
    return Prompt("", user, strategy.temperature, strategy.seed)
