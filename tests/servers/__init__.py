"""Real servers for tests: started when there is what they need, skipped (locally) when not."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TypeVar

import pytest

from app.chaos.servers import ServerMissing

__all__ = ["ServerMissing", "require"]

Server = TypeVar("Server")


def require(start: Callable[[], Server]) -> Server:
    """The started server; without what it needs the test is skipped, or fails where CI is set."""
    try:
        return start()
    except ServerMissing as missing:
        if os.environ.get("CI"):
            pytest.fail(f"needed in CI: {missing}", pytrace=False)
        pytest.skip(str(missing))
