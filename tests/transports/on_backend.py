"""Where the contracts of transports run: a backend, apps on it, and a wait for their commits."""

from __future__ import annotations

from typing import Any

import pytest

from app.transports import StreamApp
from tests.transports.harness import Backend, make_app, until

COMMITS = 0.5
"""Seconds: several commit intervals of `make_app`."""


class OnBackend:
    """A subclass supplies the fixture `backend`."""

    @pytest.fixture
    def backend(self) -> Backend:
        raise NotImplementedError

    def app(self, backend: Backend, **options: Any) -> StreamApp:
        return make_app(backend, backend.name("group"), **options)

    async def committed(
        self, backend: Backend, app: StreamApp, topic: str, offset: int, partition: int = 0
    ) -> None:
        """Wait until the group has committed exactly `offset`."""

        async def reached() -> bool:
            return (await backend.committed(app.conf.id)).get((topic, partition)) == offset

        await until(reached)
