"""What answers cost: calls, tokens and seconds, counted from the ledger of model calls."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from app.core.questions import Attempt


@dataclass(frozen=True, slots=True)
class Costs:
    """The cost of some model calls.

    `calls` counts every start of a call; a start whose worker died, or was stopped in the middle,
    may have been paid, so it stays counted. `repeated` are the starts beyond the first of the same
    call: each is a possible second payment. `tokens` are those of the answers, `prompt_tokens`
    those that were read; `untold` answers came without such figures, and are missing in both.
    `seconds` is the length of the calls that ended.
    """

    calls: int = 0
    answered: int = 0
    failed: int = 0
    repeated: int = 0
    prompt_tokens: int = 0
    tokens: int = 0
    untold: int = 0
    seconds: float = 0.0

    def __add__(self, other: Costs) -> Costs:
        return Costs(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(Costs)))

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "seconds": round(self.seconds, 3)}


def cost_of(attempt: Attempt) -> Costs:
    """Return what one row of the ledger cost."""
    answered, failed = attempt.answer is not None, attempt.cause is not None
    return Costs(
        calls=attempt.claims,
        answered=int(answered),
        failed=int(failed),
        repeated=max(0, attempt.claims - 1),
        prompt_tokens=attempt.prompt_tokens or 0,
        tokens=attempt.tokens or 0,
        untold=int(answered and attempt.tokens is None),
        seconds=attempt.seconds or 0.0,
    )


def costs_by_model(attempts: Iterable[Attempt]) -> dict[str, Costs]:
    """Return the costs of calls by the model that was asked: prices differ by model."""
    found: dict[str, Costs] = {}
    for attempt in attempts:
        if attempt.claims:
            found[attempt.model] = found.get(attempt.model, Costs()) + cost_of(attempt)
    return found


def merged(parts: Iterable[Mapping[str, Costs]]) -> dict[str, Costs]:
    """Return several costs by model as one."""
    found: dict[str, Costs] = {}
    for part in parts:
        for model, costs in part.items():
            found[model] = found.get(model, Costs()) + costs
    return found


def total(by_model: Mapping[str, Costs]) -> Costs:
    """Return the sum over all models."""
    return sum(by_model.values(), Costs())


def costs_json(by_model: Mapping[str, Costs]) -> dict[str, Any]:
    """Return costs as they are shown everywhere: `{"total": {...}, "by_model": {...}}`."""
    return {
        "total": total(by_model).as_json(),
        "by_model": {model: by_model[model].as_json() for model in sorted(by_model)},
    }


def costs_of_json(shown: Mapping[str, Any]) -> dict[str, Costs]:
    """Return what `costs_json` showed, by model."""
    return {model: Costs(**figures) for model, figures in shown["by_model"].items()}
