"""Real Kafka, PostgreSQL and Redis on loopback, to be broken. Each ends with this process."""

from __future__ import annotations


class ServerMissing(RuntimeError):
    """A server cannot be started here; the text says what to install."""
