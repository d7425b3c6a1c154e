"""The sets of strategies that the regeneration bench compares."""

from __future__ import annotations

from app.core.strategies import STRATEGIES, Strategies, Strategy
from app.core.templates import PLACEHOLDER

CONTROL = "repeat"
_PLAIN = Strategy(temperature=0.0, seed=1, name="plain")

ARMS: dict[str, Strategies] = {
    # The control: the very same call.
    CONTROL: Strategies((_PLAIN, _PLAIN, _PLAIN)),
    "temperature": Strategies(
        (
            _PLAIN,
            Strategy(temperature=0.6, seed=2, name="temperature 0.6"),
            Strategy(temperature=0.9, seed=3, name="temperature 0.9"),
        )
    ),
    "wording": Strategies(
        (
            _PLAIN,
            Strategy(
                temperature=0.6,
                seed=2,
                prompt=f"Answer in one or two complete sentences.\n\n{PLACEHOLDER}",
                name="sentences",
            ),
            Strategy(
                temperature=0.9,
                seed=3,
                prompt=f"Explain the answer briefly and precisely.\n\n{PLACEHOLDER}",
                name="explain",
            ),
        )
    ),
    # By language and reason as well.
    "default": STRATEGIES,
}
