"""What becomes of a send whose sender gave up waiting."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from app.factory import create_app
from app.settings import load_settings


async def test_a_cancelled_send_is_no_error_in_the_event_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ANSWERLOOP_BROKER", "memory:")
    app = create_app(load_settings())
    topic = app.context.channel(app.context.names.questions_pending)
    complaints: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, about: complaints.append(about))
    sent, told = loop.create_future(), loop.create_future()
    sent.add_done_callback(lambda done: topic._on_published(done, told, None, None))
    sent.cancel()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert complaints == []
    assert told.cancelled()
