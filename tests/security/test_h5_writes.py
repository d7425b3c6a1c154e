"""H5: with a token every write needs it; without one nobody else can reach the port."""

from __future__ import annotations

import hmac
import re
from typing import Any

import pytest

from app.errors import SettingsError
from app.settings import load_settings
from app.web import middleware
from app.web.middleware import READS
from app.web.openapi import served_routes
from tests.docs import facts
from tests.web.client import serving

TOKEN = "a-token-that-nobody-guesses"
ROUTES = served_routes(facts.web_app())
WRITES = [route for route in ROUTES if route.split(" ")[0] not in READS]
WRONG = (
    None,
    "",
    "Bearer",
    "Bearer ",
    "Bearer wrong",
    f"Bearer {TOKEN} ",
    f"Bearer {TOKEN}x",
    f"Bearer {TOKEN[:-1]}",
    f"Bearer {TOKEN.upper()}",
    f"bearer {TOKEN}",
    f"Basic {TOKEN}",
    TOKEN,
)


def test_h5_there_are_writes_to_protect() -> None:
    assert {"POST /query", "POST /score", "POST /ratings"} <= set(WRITES)


async def test_h5_every_write_without_the_token_is_401_and_does_nothing() -> None:
    async with serving(api_token=TOKEN, ratings=True) as api:
        for route in WRITES:
            method, path = route.split(" ")
            path = re.sub(r"\{\w+\}", "x", path)
            for header in WRONG:
                if header is not None and header != header.strip():
                    continue  # a client strips it: then it is the token
                headers = {} if header is None else {"Authorization": header}
                body: Any = {"question_text": "Why?"}
                sent = api.client.request(method, path, json=body, headers=headers)
                async with sent as response:
                    assert response.status == 401, (route, header)
                    assert response.headers["WWW-Authenticate"] == "Bearer"
                    assert TOKEN not in await response.text()
        assert api.engine.messages(api.engine.names.questions_pending) == []


async def test_h5_with_the_token_no_write_is_401() -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with serving(api_token=TOKEN, ratings=True) as api:
        for route in WRITES:
            method, path = route.split(" ")
            path = re.sub(r"\{\w+\}", "x", path)
            async with api.client.request(method, path, json={}, headers=headers) as response:
                assert response.status not in {401, 403}, route


async def test_h5_a_token_in_the_address_or_the_body_is_none() -> None:
    async with serving(api_token=TOKEN) as api:
        body = {"question_text": "Why?", "metadata": {"Authorization": f"Bearer {TOKEN}"}}
        for query in (
            f"?token={TOKEN}",
            f"?access_token={TOKEN}",
            f"?Authorization=Bearer+{TOKEN}",
        ):
            async with api.client.post(f"/query{query}", json=body) as response:
                assert response.status == 401


async def test_h5_the_token_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def compare(given: bytes, expected: bytes) -> bool:
        compared.append((given, expected))
        return hmac.compare_digest(given, expected)

    class Recording:
        compare_digest = staticmethod(compare)

    monkeypatch.setattr(middleware, "hmac", Recording)
    async with serving(api_token=TOKEN) as api:
        headers = {"Authorization": "Bearer wrong"}
        async with api.client.post("/query", json={}, headers=headers) as response:
            assert response.status == 401
    assert compared == [(b"Bearer wrong", f"Bearer {TOKEN}".encode())]


def test_h5_the_default_address_is_loopback() -> None:
    assert load_settings().http_host == "127.0.0.1"


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "0", "::ffff:0.0.0.0", "10.0.0.1", "localhost.evil.example", "*"]
)
def test_h5_an_address_for_others_without_a_token_is_refused(host: str) -> None:
    with pytest.raises(SettingsError, match="API_TOKEN"):
        load_settings(http_host=host)
    assert load_settings(http_host=host, api_token=TOKEN).http_host == host
