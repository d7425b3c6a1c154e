"""How a question is asked, and what changes when a weak answer is asked for again.

The choice depends on the question, the generation and the NAME of what rejected the last answer (a
guard, or `low_score`). Never on the reference, nor on the words of a guard, which may quote it: a
reference in a prompt makes the score worthless.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from app.core.guards import GUARDS
from app.core.guards.language import language_of
from app.core.templates import PLACEHOLDER, filled

TEMPERATURE_BOUNDS = (0.0, 2.0)
SEED_BOUNDS = (0, 2**31 - 1)
MAX_TOKENS_BOUNDS = (1, 32_768)

#: The gate rejected the answer, no guard did.
LOW_SCORE = "low_score"
#: What can reject an answer.
REASONS = (LOW_SCORE, *GUARDS)


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
    name: str = ""

    def prompt_for(self, question_text: str) -> Prompt:
        """Return the prompt of a question. The question is put in as it is."""
        return Prompt(
            system=self.system,
            user=filled(self.prompt, question_text),
            temperature=self.temperature,
            seed=self.seed,
            max_tokens=self.max_tokens,
            model=self.model,
        )


@dataclass(frozen=True, slots=True)
class Change:
    """What is otherwise than in the generation's strategy, for some questions; None: nothing.

    For questions in `language` (empty: any) whose last answer was rejected for one of the reasons
    `rejected_by` (empty: any), in `generation` (0: in each but the first).
    """

    rejected_by: tuple[str, ...] = ()
    language: str = ""
    generation: int = 0
    temperature: float | None = None
    prompt: str | None = None
    system: str | None = None
    max_tokens: int | None = None
    model: str | None = None
    name: str = ""

    def fits(self, generation: int, rejected_by: str | None) -> bool:
        """Tell whether it is for this generation after such a rejection, in some language."""
        return generation == (self.generation or max(generation, 2)) and (
            not self.rejected_by or rejected_by in self.rejected_by
        )

    def applied(self, strategy: Strategy) -> Strategy:
        """Return the strategy with what is changed; its name tells both."""
        fields = ("temperature", "prompt", "system", "max_tokens", "model")
        found = {field: value for field in fields if (value := getattr(self, field)) is not None}
        return replace(strategy, **found, name=f"{strategy.name} + {self.title}")

    @property
    def title(self) -> str:
        """Its name, or what it is for."""
        return self.name or ", ".join([*self.rejected_by, self.language]).strip(", ") or "again"


@dataclass(frozen=True, slots=True)
class Strategies:
    """Strategies by generation, from 1; the last one serves all that follow.

    All changes that fit are applied in their order: a later one wins.
    """

    generations: tuple[Strategy, ...]
    changes: tuple[Change, ...] = ()

    def chosen(
        self, question_text: str, generation: int, rejected_by: str | None = None
    ) -> Strategy:
        """Return how a `generation` (1 = first) of a question is asked.

        `rejected_by`, one of REASONS, is what rejected the generation before; another text or None
        selects nothing.
        """
        strategy = self.plain(generation)
        reason = rejected_by if generation > 1 else None
        fitting = [each for each in self.changes if each.fits(max(generation, 1), reason)]
        by_language = any(each.language for each in fitting)  # else it need not be found out
        language = question_language(question_text) if by_language else None
        for change in fitting:
            if change.language in ("", language):
                strategy = change.applied(strategy)
        return strategy

    def plain(self, generation: int) -> Strategy:
        """Return the strategy of a generation without any change; it has a name.

        Those that the last one serves have seeds of their own: another try, not the same.
        """
        place = min(max(generation, 1), len(self.generations))
        strategy = self.generations[place - 1]
        further = max(0, generation - place)
        seed = (strategy.seed + further) % (SEED_BOUNDS[1] + 1)
        return replace(strategy, seed=seed, name=strategy.name or f"generation {place}")

    def models(self) -> Iterator[str]:
        """Yield the names of the models that are asked beside the one in force."""
        for each in self.generations:
            if each.model:
                yield each.model
        for change in self.changes:
            if change.model:
                yield change.model


#: Chosen by measurement with the bundled model: bench/regeneration.py, docs/strategies.md. The
#: first generation is the plain question, without chance and without a system text.
STRATEGIES = Strategies(
    (
        Strategy(temperature=0.0, seed=1, name="plain"),
        Strategy(
            temperature=0.0,
            seed=2,
            system="You answer each question in one full, correct sentence.",
            name="full sentence",
        ),
        Strategy(
            temperature=0.9,
            seed=3,
            prompt=f"Explain the answer briefly and precisely.\n\n{PLACEHOLDER}",
            name="explain",
        ),
    ),
    (
        Change(rejected_by=("cut_off",), max_tokens=1024),
        Change(
            rejected_by=("language",),
            system="You answer each question in the language in which it is asked.",
        ),
        Change(
            language="Spanish",
            generation=2,
            temperature=0.5,
            system="You answer each question in Spanish, in one full, correct sentence.",
        ),
        Change(
            language="Spanish",
            generation=3,
            prompt=f"Explica la respuesta en español, de forma breve y precisa.\n\n{PLACEHOLDER}",
        ),
    ),
)


def prompt_for(
    question_text: str,
    generation: int,
    strategies: Strategies = STRATEGIES,
    rejected_by: str | None = None,
) -> Prompt:
    """Return the prompt of a question's `generation` (1 = first)."""
    return strategies.chosen(question_text, generation, rejected_by).prompt_for(question_text)


def reason_of(guard: str | None) -> str:
    """Return the name of what rejected an answer: the guard, where one did that is known here."""
    return guard if guard is not None and guard in GUARDS else LOW_SCORE


def question_language(text: str) -> str | None:
    """Return the language of a question (a name of `app.core.guards.language`), or None.

    A short question has too few words to tell; an opening question mark is Spanish alone.
    """
    return language_of(text) or ("Spanish" if "\u00bf" in text else None)
