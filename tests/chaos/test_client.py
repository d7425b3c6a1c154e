"""The client counts every question that it asked, whatever was answered."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from app.chaos.client import Client


async def full(*_: Any) -> None:
    raise OSError("no space left on the device")


async def asked(folder: Path, reply: Any, *, broken: bool = False) -> Client:
    async def query(_: web.Request) -> web.Response:
        return web.Response(status=202, **reply)

    app = web.Application()
    app.router.add_post("/query", query)
    async with TestServer(app) as server:
        client = Client("run", folder, lambda: [str(server.make_url("")).rstrip("/")], Random(1), 5)
        if broken:
            client.ledger.write = full  # type: ignore[method-assign]
        try:
            await client.ask_while(lambda: client.asked < 3, 100)
        finally:
            client.close()
        return client


@pytest.mark.parametrize(
    "reply",
    [
        {"text": '{"status": "accepted"}', "content_type": "application/json"},
        {"text": "[]", "content_type": "application/json"},
        {"text": "{", "content_type": "application/json"},
    ],
    ids=["no id", "a list", "no JSON"],
)
async def test_a_reply_that_names_no_question_is_counted(tmp_path: Path, reply: Any) -> None:
    traffic = (await asked(tmp_path, reply)).traffic
    assert len(traffic.other) == 3
    assert traffic.accepted == {}


async def test_a_ledger_that_can_not_be_written_ends_the_run(tmp_path: Path) -> None:
    reply = {"text": '{"question_id": "q"}', "content_type": "application/json"}
    with pytest.raises(OSError, match="no space"):
        await asked(tmp_path, reply, broken=True)
