"""H7: a canary in every secret setting is found in no log, reply, figure, table or traceback."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from app.broker import faust_credentials
from app.config.secret_urls import masked_url
from app.config.shown import setting_row
from app.errors import SettingsError
from app.fake_llm import FakeModelServer
from app.fake_llm.steps import Step
from app.settings import (
    PREFIX,
    URLS_WITH_PASSWORDS,
    Settings,
    load_settings,
    secret_settings,
)
from tests.security.service import Service, service

SECRETS = {name: f"canary-{name}-4711" for name in secret_settings()}
#: A password with characters that URLs trip over, as the user has to write it.
_WORD = "canary/url@4711"
#: Nobody listens there.
URLS = {
    "database": f"postgresql://user:{quote(_WORD, safe='')}@127.0.0.1:1/name",
    "cache": f"redis://user:{quote(_WORD, safe='')}@127.0.0.1:1/0",
}
KAFKA = {
    "broker": "kafka://127.0.0.1:1",
    "kafka_security_protocol": "SASL_PLAINTEXT",
    "kafka_username": "user",
}
CANARIES = [*SECRETS.values(), _WORD, quote(_WORD, safe=""), quote(_WORD), "url@4711"]


def hits(text: str | bytes) -> list[str]:
    shown = text.decode(errors="replace") if isinstance(text, bytes) else text
    return [canary for canary in CANARIES if canary in shown]


def test_h7_every_setting_that_sounds_secret_is_secret() -> None:
    words = re.compile(r"password|secret|token|(^|_)key($|_)|credential")
    harmless = {"max_tokens", "llm_max_tokens", "llm_tokens_per_minute", "kafka_key_file"}
    sounding = {name for name in Settings.model_fields if words.search(name)} - harmless
    assert {"llm_api_key", "kafka_password", "api_token"} <= set(SECRETS)
    assert sounding == set(SECRETS)
    assert set(URLS) == set(URLS_WITH_PASSWORDS)


def test_h7_no_text_of_the_settings_or_of_what_is_made_of_them_shows_a_secret() -> None:
    settings = load_settings(**KAFKA, **SECRETS, **URLS)
    shown = [repr(settings), str(settings), f"{settings.model_dump()}", settings.model_dump_json()]
    shown += [json.dumps(setting_row(settings, name)) for name in Settings.model_fields]
    shown.append(repr(faust_credentials(settings)))
    assert [hit for text in shown for hit in hits(text)] == []
    assert settings.database == URLS["database"], "the program itself has it"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://u:p@h/n", "postgresql://u:********@h/n"),
        ("postgresql://u:a@b:c/d@h/n", "postgresql://u:********@h/n"),
        ("redis://:p@h", "redis://:********@h"),
        ("postgresql://h/n?password=p&x=1", "postgresql://h/n?password=********&x=1"),
        (
            "postgresql://h/n?sslmode=x&sslpassword=p",
            "postgresql://h/n?sslmode=x&sslpassword=********",
        ),
        ("postgresql://u@h/n", "postgresql://u@h/n"),
        ("u:p@h/n", "********"),
        ("embedded:", "embedded:"),
    ],
)
def test_h7_a_password_in_a_url_is_masked(url: str, shown: str) -> None:
    assert masked_url(url) == shown


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("database", f"user:{_WORD}@h/n"),
        ("database", f"mysql://user:{_WORD}@h/n"),
        ("database", "postgresql://user:canary/url@4711#x@h:port/n"),
        ("cache", f"redis://:{_WORD}@h:99999"),
        ("cache", "redis://:canary#url@4711@h"),
        ("broker", "kafka://user:url@4711@h:9092"),
        ("llm", "openai+https://user:url@4711@h/v1"),
        ("llm", "ollama://user:url@4711@h"),
        ("scorer", "http://user:url@4711@h"),
    ],
)
def test_h7_an_error_about_a_url_does_not_quote_its_password(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(**{name: value})
    error = caught.value
    told = f"{error} {error!r} {error.__cause__!r}"
    assert PREFIX + name.upper() in told
    assert not re.search("canary|4711|url@", told)


async def _command(folder: Path, *arguments: str, **settings: str) -> bytes:
    """Run a command with every secret set and nobody there to connect to; return all output."""
    chosen = {**SECRETS, **URLS, "llm": "openai+http://127.0.0.1:1/v1", "llm_model": "m"}
    chosen |= {"log_level": "debug", "data_dir": str(folder / "data"), "http_port": "0"} | settings
    environment = {k: v for k, v in os.environ.items() if not k.startswith(PREFIX)}
    environment |= {PREFIX + name.upper(): value for name, value in chosen.items()}
    environment["PYTHONPATH"] = str(Path(__file__).parents[2])
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-X", "dev", "-m", "app.cli.main", *arguments),
        cwd=folder,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(100):
            return (await process.communicate())[0]
    finally:
        if process.returncode is None:
            process.kill()


@pytest.mark.timeout(240)
async def test_h7_no_command_shows_a_secret_when_it_reaches_nobody(tmp_path: Path) -> None:
    calls: list[tuple[tuple[str, ...], dict[str, str]]] = [
        (("config", "show"), {}),
        (("config", "show", "--json"), {}),
        (("config", "check"), {}),
        (("config", "check", "--json"), KAFKA),
        (("db", "status"), {}),
        (("show", "x"), {}),
        (("worker",), {}),
        (("worker",), {"database": "memory:", "log_format": "json"}),
        (("ask", "Why?"), {"database": "memory:", "scorer": "memory:"}),
        (("topics", "list"), KAFKA),
    ]
    gate = asyncio.Semaphore(3)  # most of them wait, to be sure that nobody is there

    async def one(number: int) -> None:
        arguments, settings = calls[number]
        folder = tmp_path / str(number)
        folder.mkdir()
        async with gate:
            output = await _command(folder, *arguments, **settings)
        assert output, arguments
        assert hits(output) == [], (arguments, output[-2000:])

    await asyncio.gather(*map(one, range(len(calls))))


def _on_disk(target: Service) -> list[bytes]:
    """What other users of the machine may see of a worker."""
    title = Path(f"/proc/{target.process.pid}/cmdline")
    return [title.read_bytes(), (target.data / "engine.json").read_bytes()]


@pytest.mark.timeout(180)
async def test_h7_a_running_worker_shows_no_secret(tmp_path: Path) -> None:
    settings: dict[str, Any] = {name.upper(): value for name, value in SECRETS.items()}
    token = SECRETS["api_token"]
    key = SECRETS["llm_api_key"]
    settings |= {"CACHE": URLS["cache"], "LOG_LEVEL": "debug", "OVERLOAD_BASE_SECONDS": "0.1"}
    told = json.dumps({"error": {"message": f"wrong key {key}", "code": "bad"}})
    async with service(tmp_path, **settings) as target:
        model: FakeModelServer = target.model
        for status in (401, 400):
            model.script[f"Tell {status}?"] = [Step(status=status, body=told)]
        model.script["Break?"] = [Step(body=f"not JSON {key}")] * 10
        headers = {"Authorization": f"Bearer {token}"}
        shown: list[bytes] = []
        for text in ("Tell 401?", "Tell 400?", "Break?", "Good?"):
            body = {"question_text": text, "original_answer": "x"}
            path = "/query?wait=20"
            shown.append((await target.call("POST", path, json=body, headers=headers))[1])
        assert {call.authorization for call in model.calls} == {f"Bearer {key}"}, "it was sent"
        paths = (
            *("/", "/health", "/metrics", "/openapi.json", "/questions", "/nowhere", "/readyz"),
            *("/dead-letters?bytes=true", "/redrives", "/questions?cursor=bad"),
        )
        shown += [(await target.call("GET", path, headers=headers))[1] for path in paths]
        figures = {**headers, "Accept": "text/plain"}
        shown.append((await target.call("GET", "/metrics", headers=figures))[1])
        shown.append((await target.call("POST", "/query", data=b"[", headers=headers))[1])
        wrong = {"Authorization": f"Bearer {token}x"}
        refused = await target.call("POST", "/query", json={}, headers=wrong)
        assert refused[0] == 401
        shown.append(refused[1])
        shown += _on_disk(target)
        dead = [row for row in shown[:3] if b'"dead"' in row]
        assert dead, "the failing calls ended as dead letters"
    shown.append(target.log.encode())
    assert b"wrong key" in b"".join(shown), "the server's words are kept, without the key"
    assert [hit for text in shown for hit in hits(text)] == []
