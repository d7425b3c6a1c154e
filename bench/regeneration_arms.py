"""The sets of strategies that the regeneration bench compares."""

from __future__ import annotations

from app.core.strategies import STRATEGIES, Strategies, Strategy

CONTROL = "repeat"
_PLAIN = Strategy(temperature=0.0, seed=1, name="plain")

ARMS: dict[str, Strategies] = {
    # The control: the same words, no chance, whatever the seed.
    CONTROL: Strategies((_PLAIN,)),
    "temperature": Strategies(
        (
            _PLAIN,
            Strategy(temperature=0.6, seed=2, name="temperature 0.6"),
            Strategy(temperature=0.9, seed=3, name="temperature 0.9"),
        )
    ),
    "default": STRATEGIES,
}
