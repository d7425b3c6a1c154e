"""The views of how questions are asked: `answerloop config strategies`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from app.core.strategies import LOW_SCORE, REASONS, Strategy
from app.settings import Settings

#: What is shown where a change applies to each generation but the first.
AGAIN = "2+"


def strategy_rows(settings: Settings) -> Iterator[dict[str, Any]]:
    """Yield how each generation is asked (the last serves all that follow), then the changes.

    What a change leaves as it is, is None; so are reasons and language where any will do.
    """
    strategies = settings.strategies
    for number, each in enumerate(strategies.generations, 1):
        asked = strategies.plain(number)
        yield {
            "generation": number,
            "rejected_by": None,
            "language": None,
            **_asked(asked, each.prompt),
        }
    for change in strategies.changes:
        yield {
            "generation": change.generation or AGAIN,
            "rejected_by": list(change.rejected_by) or None,
            "language": change.language or None,
            "name": change.title,
            "temperature": change.temperature,
            "seed": None,
            "max_tokens": change.max_tokens,
            "model": change.model,
            "system": change.system,
            "prompt": change.prompt,
        }


def asked_rows(settings: Settings, question: str) -> Iterator[dict[str, Any]]:
    """Yield how one question is asked: its generations, and by what the answer before fell.

    Reasons that change nothing beside each other share a row; the prompts are filled in.
    """
    strategies = settings.strategies
    for generation in range(1, settings.max_generations + 1):
        by_strategy: defaultdict[Strategy, list[str]] = defaultdict(list)
        for reason in REASONS if generation > 1 else ():
            by_strategy[strategies.chosen(question, generation, reason)].append(reason)
        if generation == 1:
            by_strategy[strategies.chosen(question, 1)] = []
        for strategy, reasons in by_strategy.items():
            yield {
                "generation": generation,
                "rejected_by": reasons if len(by_strategy) > 1 else None,
                **_asked(strategy, strategy.prompt_for(question).user),
            }


def repeated_calls(settings: Settings) -> Iterator[str]:
    """Yield a line for each generation that asks exactly as one before it, for whatever reason.

    Without chance (temperature 0) the same words get the same answer: the call is paid in vain.
    """
    strategies = settings.strategies
    asked: dict[Strategy, int] = {}
    for generation in range(1, settings.max_generations + 1):
        found = replace(strategies.plain(generation), name="")
        found = found if found.temperature else replace(found, seed=0)
        if found in asked:
            yield f"generation {generation} asks just as generation {asked[found]} does"
        asked.setdefault(found, generation)


def unused_changes(settings: Settings) -> Iterator[str]:
    """Yield a line for each change that no question ever gets, by the settings in force."""
    in_force = {LOW_SCORE, "empty", *settings.guard_names}
    for number, change in enumerate(settings.strategies.changes, 1):
        if change.generation > settings.max_generations:
            most = settings.max_generations
            yield f"when {number} is never used: generation {change.generation} > {most}"
        elif change.rejected_by and in_force.isdisjoint(change.rejected_by):
            guards = ", ".join(change.rejected_by)
            yield f"when {number} is never used: the guards in force are without {guards}"


def shown(row: dict[str, Any]) -> list[Any]:
    """Return a row for people."""
    return list({**row, "rejected_by": ", ".join(row["rejected_by"] or ()) or None}.values())


def _asked(strategy: Strategy, prompt: str) -> dict[str, Any]:
    return {
        "name": strategy.name,
        "temperature": strategy.temperature,
        "seed": strategy.seed,
        "max_tokens": strategy.max_tokens,
        "model": strategy.model or None,
        "system": strategy.system or None,
        "prompt": prompt,
    }
