"""Tells Faust which driver a broker URL stands for."""

from __future__ import annotations

DRIVERS = {
    "memory": "app.transports.embedded.driver:Transport",
    "log": "app.transports.embedded.driver:Transport",
    "strict": "app.transports.kafka:Transport",
}
"""Scheme of the broker URL to the driver, loaded when it is first used."""


def register() -> None:
    """Make `memory:`, `log:` and `strict:` broker URLs known to Faust. May be called again."""
    from faust.transport.drivers import TRANSPORTS

    TRANSPORTS._maybe_finalize()  # entry points first: ours must win
    TRANSPORTS.aliases.update(DRIVERS)
