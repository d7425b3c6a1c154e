"""What tokens cost: prices for a million tokens, by model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.core.costs import Costs
from app.errors import InputError

_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Price:
    """For a million tokens read and written, in whatever currency the user pays."""

    read: float
    written: float

    def of(self, costs: Costs) -> float:
        return (costs.prompt_tokens * self.read + costs.tokens * self.written) / _MILLION


def read_prices(given: Sequence[str]) -> dict[str | None, Price]:
    """Return prices of texts like `0.15:0.60` (of all models) and `MODEL=0.15:0.60`.

    Raises InputError.
    """
    prices: dict[str | None, Price] = {}
    for each in given:
        model, found, figures = each.rpartition("=")
        read, colon, written = figures.partition(":")
        try:
            price = Price(float(read), float(written if colon else read))
        except ValueError:
            price = Price(-1, -1)
        if not (0 <= price.read < 1e9 and 0 <= price.written < 1e9):
            raise InputError(
                f"{each!r} is no price: write READ:WRITTEN for a million tokens, 0.15:0.60,"
                " or MODEL=READ:WRITTEN",
                field="price",
            )
        prices[model if found else None] = price
    return prices


def cost(by_model: Mapping[str, Costs], prices: Mapping[str | None, Price]) -> float | None:
    """Return what these calls cost; None when no price is known for one of the models."""
    total = 0.0
    for model, costs in by_model.items():
        price = prices.get(model) or prices.get(None)
        if price is None:
            return None
        total += price.of(costs)
    return total if prices else None
