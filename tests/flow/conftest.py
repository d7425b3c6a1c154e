"""Fixtures of the pipeline in memory."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest

from app.transports import close_storage


@pytest.fixture
def log() -> Iterator[str]:
    """The name of a memory log that outlives the workers on it."""
    name = uuid4().hex
    yield name
    close_storage(f"memory://{name}")
