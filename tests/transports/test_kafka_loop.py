"""The loop of the consumer's thread: uvloop, but not where connections may be behind TLS."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace

import pytest
import uvloop

from app.broker import faust_credentials
from app.settings import load_settings
from app.transports.kafka import loop_for


@pytest.mark.parametrize("protocol", ["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"])
def test_only_a_plain_connection_is_on_uvloop(
    protocol: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load_settings(
        kafka_security_protocol=protocol, kafka_username="u", kafka_password="p"
    )
    app = SimpleNamespace(conf=SimpleNamespace(broker_credentials=faust_credentials(settings)))
    loop = loop_for(app)
    try:
        assert isinstance(loop, asyncio.SelectorEventLoop) == (protocol != "PLAINTEXT")
        assert isinstance(loop, uvloop.Loop) == (protocol == "PLAINTEXT")
    finally:
        loop.close()
