"""What has to be closed at the end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

#: Closes what was opened.
Closer = Callable[[], Awaitable[None]]
