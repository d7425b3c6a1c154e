"""The drain: partitions are being taken away, or the worker stops."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Drain(asyncio.Event):
    """Set from the beginning of a drain to its end. Who works meanwhile can be told at once."""

    def __init__(self) -> None:
        super().__init__()
        self._listeners: dict[object, Callable[[], None]] = {}

    def set(self) -> None:
        begins = not self.is_set()
        super().set()
        if begins:
            listeners, self._listeners = self._listeners, {}
            for tell in listeners.values():
                tell()

    @contextmanager
    def telling(self, tell: Callable[[], None]) -> Iterator[None]:
        """Call `tell` when a drain begins, at once where one goes on; once, and not after this."""
        if self.is_set():
            tell()
            yield
            return
        key = object()
        self._listeners[key] = tell
        try:
            yield
        finally:
            self._listeners.pop(key, None)
