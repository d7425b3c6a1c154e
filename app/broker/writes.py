"""Writes of aiokafka on uvloop: to a connection that is closed already they must fail as broken.

asyncio's transports drop such a write, and its sender hears that the connection has ended. Those of
uvloop raise RuntimeError, which aiokafka takes for a defect: the task that refreshes the metadata,
or the one that sends what is produced, would end for good, and its worker with it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from aiokafka.conn import AIOKafkaConnection, CloseReason
from aiokafka.errors import KafkaConnectionError


def as_broken(send: Callable[..., Any]) -> Callable[..., Any]:
    """Return a sending method of `AIOKafkaConnection` that knows what uvloop raises."""

    @functools.wraps(send)
    def sending(connection: AIOKafkaConnection, *arguments: Any, **options: Any) -> Any:
        try:
            return send(connection, *arguments, **options)
        except RuntimeError as error:
            connection.close(reason=CloseReason.CONNECTION_BROKEN)
            raise KafkaConnectionError(f"the connection was closed: {error}") from error

    return sending


def let_closed_be_broken() -> None:
    """Change `AIOKafkaConnection` so, for every client of this process. May be called again."""
    for name in ("send", "_send_sasl_token"):
        send = getattr(AIOKafkaConnection, name)
        if not hasattr(send, "__wrapped__"):
            setattr(AIOKafkaConnection, name, as_broken(send))
