"""Cache, model, scorer and worker in a bad state, made by real or fake servers, and mended."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from app import __version__
from app.adapters.scorer.memory import OverlapScorer
from app.calibration.check import built_in_check_pairs
from app.calibration.kept import keep
from app.calibration.measure import Scored
from app.calibration.pairs import Kind
from app.core.gate import Score
from app.data_dir.engine_file import write_engine_file
from app.doctor.check import Site
from app.doctor.outcome import Outcome, Status
from app.fake_llm import FakeModelServer, Step
from app.opening import open_scorer
from app.scoring.server import ScoreServer
from app.settings import load_settings
from tests.doctor.looking import look, mends, site, type_in
from tests.servers import require
from tests.servers.redis import RedisServer, start_redis


async def seen(at: Site, name: str) -> Outcome:
    """Look from another thread: this one's loop serves what is looked at."""
    return await asyncio.to_thread(look, at, name)


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A server of the test's own: its configuration is changed."""
    server = require(lambda: start_redis(tmp_path))
    yield server
    server.stop()


@pytest.mark.redis
def test_a_redis_that_never_evicts_is_found_and_configured(
    tmp_path: Path, redis: RedisServer
) -> None:
    at = site(tmp_path, cache=redis.url)
    assert look(at, "cache").status is Status.OK
    unbounded = look(at, "cache-policy")
    assert (unbounded.status, "no maxmemory" in unbounded.seen) == (Status.WARNING, True)
    size, policy = mends(unbounded, "command")
    type_in(size, tmp_path)
    full = look(at, "cache-policy")
    assert (full.status, "noeviction" in full.seen) == (Status.PROBLEM, True)
    assert mends(full, "command") == [policy]
    type_in(policy, tmp_path)
    assert look(at, "cache-policy").status is Status.OK


@pytest.mark.redis
def test_a_redis_that_is_away_or_refuses_is_told_without_its_password(tmp_path: Path) -> None:
    away = look(site(tmp_path, cache="redis://:canary@127.0.0.1:1/0"), "cache")
    assert (away.status, "canary" in str(away)) == (Status.PROBLEM, False)
    server = require(lambda: start_redis(tmp_path, password="right"))
    try:
        wrong = look(site(tmp_path, cache=server.url.replace(":right@", ":canary@")), "cache")
        policy = look(site(tmp_path, cache=server.url), "cache-policy")
    finally:
        server.stop()
    assert (wrong.status, "refuses" in wrong.seen) == (Status.PROBLEM, True)
    assert "canary" not in str(wrong)
    assert " --askpass " in mends(policy, "command")[0]
    assert "right" not in str(policy)


async def test_a_model_that_ollama_has_not_is_found_and_pulled(tmp_path: Path) -> None:
    async with FakeModelServer(models=["other:latest"]) as server:
        place = server.url.removeprefix("http://")
        at = site(tmp_path, llm=f"ollama://{place}", llm_model="smol")
        found = await seen(at, "model")
        assert found.status is Status.PROBLEM
        assert "has no model smol; it has other:latest" in found.seen
        assert mends(found, "setting") == ["ANSWERLOOP_LLM_MODEL=other:latest"]
        [mend] = mends(found, "command")
        _stand_in_for_ollama(tmp_path)
        await asyncio.to_thread(type_in, mend, tmp_path)
        asked_at, verb, name = (tmp_path / "pulled").read_text().split()
        assert (asked_at, verb) == (place, "pull")
        server.models.append(f"{name}:latest")
        assert (await seen(at, "model")).status is Status.OK
        server.models.clear()
        empty = await seen(site(tmp_path, llm=f"ollama://{place}"), "model")
        assert (empty.status, "has no model" in empty.seen) == (Status.PROBLEM, True)


def _stand_in_for_ollama(folder: Path) -> None:
    (folder / "bin").mkdir()
    program = folder / "bin" / "ollama"
    program.write_text(f'#!/bin/sh\necho "$OLLAMA_HOST" "$@" > {folder}/pulled\n')
    program.chmod(0o755)


async def test_a_server_with_several_models_wants_a_choice(tmp_path: Path) -> None:
    async with FakeModelServer(models=["a", "b"]) as server:
        url = f"openai+{server.url}/v1"
        found = await seen(site(tmp_path, llm=url), "model")
        assert found.status is Status.PROBLEM
        assert mends(found, "setting") == ["ANSWERLOOP_LLM_MODEL=a"]
        assert (await seen(site(tmp_path, llm=url, llm_model="a"), "model")).status is Status.OK


async def test_a_model_is_called_only_when_it_is_asked_for(tmp_path: Path) -> None:
    async with FakeModelServer() as server:
        at = site(tmp_path, llm=server.url.replace("http:", "ollama:"), llm_model="smol")
        assert (await seen(at, "model-call")).status is Status.SKIPPED
        assert not server.calls
        at.call = True
        found = await seen(at, "model-call")
        assert (found.status, "written" in found.seen) == (Status.OK, True)
        assert len(server.calls) == 1
        server.default = Step(fault="overloaded")
        failed = await seen(at, "model-call")
        assert (failed.status, "a call fails" in failed.seen) == (Status.PROBLEM, True)


async def test_a_model_server_that_is_away_is_found(tmp_path: Path) -> None:
    ollama = await seen(site(tmp_path, llm="ollama://127.0.0.1:1", llm_model="m"), "model")
    assert ollama.status is Status.PROBLEM
    assert mends(ollama, "command") == ["OLLAMA_HOST=127.0.0.1:1 ollama serve"]
    other = await seen(site(tmp_path, llm="openai+http://127.0.0.1:1/v1", llm_model="m"), "model")
    assert "ANSWERLOOP_LLM_API_KEY=KEY" in mends(other, "setting")


def test_an_encoder_without_its_files_is_found(tmp_path: Path) -> None:
    folder = tmp_path / "encoder"
    folder.mkdir()
    (folder / "config.json").write_text('{"num_hidden_layers": 2}')
    found = look(site(tmp_path, scorer="local:", scorer_model=str(folder)), "scorer")
    assert found.status is Status.PROBLEM
    assert "model.safetensors, tokenizer.json" in found.seen
    assert mends(found, "setting") == ["ANSWERLOOP_SCORER_MODEL="]
    assert look(site(tmp_path, scorer="local:"), "scorer").status is Status.OK
    unknown = look(site(tmp_path, scorer="local:", scorer_model="no/such"), "scorer")
    assert unknown.status is Status.PROBLEM


def test_an_encoder_that_would_be_downloaded_is_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    found = look(site(tmp_path, scorer="local:", scorer_model="roberta-large"), "scorer")
    assert found.status is Status.WARNING
    assert mends(found, "command") == ["hf download roberta-large"]


def test_a_profile_of_another_scorer_is_found(tmp_path: Path) -> None:
    profile = tmp_path / "mine.json"
    profile.write_text('{"scorer": "roberta-large:17", "metric": "f1", "threshold": 0.9}')
    found = look(site(tmp_path, scorer="local:", quality_profile=str(profile)), "gate")
    assert found.status is Status.PROBLEM
    assert mends(found, "setting") == ["ANSWERLOOP_QUALITY_PROFILE=auto:"]
    assert (
        look(site(tmp_path, scorer="local:", quality_profile="auto:"), "gate").status is Status.OK
    )
    by_hand = look(site(tmp_path, scorer="local:", quality_threshold=0.75), "gate")
    assert (by_hand.status, mends(by_hand, "command")) == (
        Status.WARNING,
        ["answerloop gate check"],
    )


def test_what_the_last_gate_check_found_is_told(tmp_path: Path) -> None:
    at = site(tmp_path, scorer="local:")
    none = look(at, "gate-check")
    assert (none.status, mends(none, "command")) == (Status.WARNING, ["answerloop gate check"])
    _keep(at, good=0.9, random=0.1)
    assert look(at, "gate-check").status is Status.OK
    _keep(at, good=0.9, random=0.8)
    found = look(at, "gate-check")
    assert (found.status, "random pairs" in found.seen) == (Status.WARNING, True)


def _keep(at: Site, *, good: float, random: float) -> None:
    """Keep scores as a worker that starts does: these figures for good and random pairs."""
    figures = {Kind.GOOD: good, Kind.UNRELATED: random}
    scored = [
        Scored(pair, Score(*[figures[pair.kind]] * 3), None) for pair in built_in_check_pairs()
    ]
    keep(at.settings, open_scorer(at.settings, []), scored)


async def test_a_score_server_tells_its_model_and_one_that_is_away_is_found(
    tmp_path: Path,
) -> None:
    server = ScoreServer(load_settings(http_port=0, data_dir=tmp_path), OverlapScorer())
    await server.start()
    try:
        at = site(tmp_path, scorer=server.url)
        there = await seen(at, "scorer")
        assert there.status is Status.OK
        assert OverlapScorer().name in there.seen
        assert at.scorer_name == OverlapScorer().name
    finally:
        await server.stop()
    away = await seen(at, "scorer")
    assert away.status is Status.PROBLEM
    assert "ANSWERLOOP_SCORER=local:" in mends(away, "setting")


async def _serving(replies: dict[str, Any]) -> tuple[web.AppRunner, int]:
    """Serve JSON by path, as a worker or another program."""

    async def reply(request: web.Request) -> web.Response:
        return web.json_response(replies.get(request.path, {}))

    app = web.Application()
    app.router.add_get("/{path:.*}", reply)
    runner = web.AppRunner(app)
    await runner.setup()
    listening = web.TCPSite(runner, "127.0.0.1", 0)
    await listening.start()
    return runner, runner.addresses[0][1]


async def test_a_worker_of_another_version_that_is_not_ready_is_found(tmp_path: Path) -> None:
    health = {"service": "answerloop", "version": "0.0.9", "status": "degraded"}
    health["dependencies"] = {"cache": {"status": "down", "detail": "Redis is away"}}  # type: ignore[assignment]
    replies: dict[str, Any] = {"/health": health, "/readyz": {"error": {"message": "recovering"}}}
    runner, port = await _serving(replies)
    at = site(tmp_path, http_port=port)
    try:
        found = await seen(at, "worker")
        health.update(version=__version__, dependencies={})  # type: ignore[call-overload]
        replies["/readyz"] = {"status": "ready"}
        well = await seen(at, "worker")
        replies["/health"] = {"hello": "world"}
        other = await seen(at, "worker")
    finally:
        await runner.cleanup()
    assert found.status is Status.WARNING
    for words in ("runs version 0.0.9", "its cache: Redis is away", "takes no work: recovering"):
        assert words in found.seen
    assert well.status is Status.OK
    assert other.status is Status.PROBLEM
    assert mends(other, "setting") == [f"ANSWERLOOP_HTTP_PORT={port + 1}"]
    assert (await seen(at, "worker")).status is Status.SKIPPED


async def test_the_worker_of_the_data_folder_is_asked_first(tmp_path: Path) -> None:
    at = site(tmp_path, http_port=0)
    assert (await seen(at, "worker")).status is Status.SKIPPED
    write_engine_file(at.settings, "http://127.0.0.1:1")  # by this very process: not another's
    assert (await seen(at, "worker")).status is Status.SKIPPED
