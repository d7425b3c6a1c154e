"""H6: where calls go is a setting; nothing in a request, a reply or the environment changes it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from app.adapters.llm.ollama import OllamaModel
from app.adapters.llm.openai import OpenAiModel
from app.adapters.scorer.http import HttpScorer
from app.cli.engine import http_asker
from app.core.strategies import Prompt
from app.errors import AnswerloopError
from app.fake_llm import FakeModelServer
from app.intake import NewQuestion
from app.settings import load_settings
from tests.flow.engine import make_ports
from tests.web.client import serving

KEY = "a-key-that-must-stay-here"
PROMPT = Prompt(user="Why?", system="", temperature=0.0, seed=1, max_tokens=10)


@asynccontextmanager
async def listening(answer: Callable[[web.Request], web.StreamResponse]) -> AsyncIterator[Any]:
    """Give a server's URL and what it was asked."""
    seen: list[tuple[str, str | None]] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        seen.append((request.path, request.headers.get("Authorization")))
        return answer(request)

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", seen
    finally:
        await runner.cleanup()


async def _ollama(url: str) -> None:
    model = OllamaModel(url, "m", 3.0, api_key=KEY)
    await _and_close(model.answer(PROMPT), model.close)


async def _openai(url: str) -> None:
    model = OpenAiModel(f"{url}/v1", "m", KEY, 3.0)
    await _and_close(model.answer(PROMPT), model.close)


async def _models(url: str) -> None:
    model = OpenAiModel(f"{url}/v1", "m", KEY, 3.0)
    await _and_close(model.models(), model.close)


async def _scorer(url: str) -> None:
    scorer = HttpScorer(url, KEY, 3.0)
    await _and_close(scorer.score([("a", "b")]), scorer.close)


async def _engine(url: str) -> None:
    async with http_asker(url, load_settings(api_token=KEY)) as asker:
        await asker.submit(NewQuestion("Why?"))


async def _and_close(asking: Awaitable[Any], close: Callable[[], Awaitable[None]]) -> None:
    try:
        await asking
    finally:
        await close()


CLIENTS = [_ollama, _openai, _models, _scorer, _engine]


async def _failing(client: Callable[[str], Awaitable[None]], url: str) -> None:
    """Ask a server that never answers well."""
    try:
        async with asyncio.timeout(20):
            await client(url)
    except (AnswerloopError, aiohttp.ClientError, KeyError, ValueError):
        return


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("client", CLIENTS)
async def test_h6_no_client_follows_a_redirect(
    client: Callable[[str], Awaitable[None]], status: int
) -> None:
    async with listening(lambda _: web.json_response({})) as (elsewhere, seen_elsewhere):

        def redirect(request: web.Request) -> web.Response:
            if request.path == "/livez":
                return web.json_response({})
            headers = {"Location": elsewhere + request.path}
            return web.json_response(
                {"error": {"message": "moved"}}, status=status, headers=headers
            )

        async with listening(redirect) as (url, seen):
            await _failing(client, url)
    assert seen, "it was asked"
    assert seen_elsewhere == []


@pytest.mark.parametrize("client", CLIENTS)
async def test_h6_no_client_takes_a_proxy_from_the_environment(
    client: Callable[[str], Awaitable[None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(request: web.Request) -> web.Response:
        alive = request.path == "/livez"
        return web.json_response({"error": {"message": "no"}}, status=200 if alive else 400)

    async with listening(refuse) as (proxy, through_proxy), listening(refuse) as (url, seen):
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy)
            monkeypatch.setenv(name.lower(), proxy)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        await _failing(client, url)
    assert seen, "it was asked"
    assert through_proxy == []


async def test_h6_nothing_in_a_request_changes_which_model_is_asked() -> None:
    async with FakeModelServer() as ours, FakeModelServer() as theirs:
        model = OpenAiModel(f"{ours.url}/v1", "smol:latest", KEY, 5.0)
        try:
            async with serving(make_ports(model=model)) as api:
                names = ("llm", "LLM", "model", "base_url", "ANSWERLOOP_LLM", "llm_url", "url")
                aimed = dict.fromkeys(names, f"openai+{theirs.url}/v1")
                headers = {f"X-{name.replace('_', '-')}": theirs.url for name in names}
                headers |= {"X-Forwarded-Host": theirs.host, "Forwarded": f"host={theirs.host}"}
                body = {"question_text": f"Ask {theirs.url}/v1 this", "metadata": aimed}
                sent = {"json": body, "headers": headers}
                status, row = await api.call("POST", "/query?wait=30", **sent)
                assert (status, row["metadata"]) == (200, aimed)
                for name in names:
                    refused = {"question_text": "Why?", name: theirs.url}
                    assert (await api.query(refused))[0] == 422
                    status, _ = await api.call("POST", f"/query?{name}={theirs.url}", json=body)
                    assert status == 422
        finally:
            await model.close()
        assert len(ours.calls) == 1
        assert len(theirs.calls) == 0
