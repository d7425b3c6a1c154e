"""A fake model server: the Ollama and the OpenAI protocol, with scripted faults.

In a program's loop: `async with FakeModelServer() as server: server.script["Why?"] = [Step(...)]`.
As a process: `python -m app.fake_llm --port 0 --latency 0.2` prints its address, then
`POST /script {"question": [{"status": 503}, ...]}`, `POST /default {"status": 503}` (and `{}` to
heal), `GET /calls`.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import Any

import orjson
from aiohttp import web

from app.fake_llm.faults import send_fault
from app.fake_llm.protocols import answer_body, error_body
from app.fake_llm.steps import Call, Step


def echo(question: str) -> str:
    """The default answer."""
    return f"An answer to: {question}"


class FakeModelServer:
    """Answers by `answer(question)` after `latency` seconds, unless scripted.

    `script[question]` holds the steps of the next calls whose user text ends with that question
    (`"*"`: any question); `default`, when it is set, serves whatever is not scripted.
    """

    def __init__(
        self,
        answer: Callable[[str], str] = echo,
        latency: float = 0.0,
        models: Iterable[str] = ("smol:latest",),
    ) -> None:
        self.script = defaultdict[str, deque[Step] | list[Step]](deque)
        self.default: Step | None = None
        self.calls: list[Call] = []
        self.in_flight = 0
        self.most_in_flight = 0
        self.models = list(models)
        self.port = 0
        self._answer = answer
        self._latency = latency
        self._runner: web.AppRunner | None = None

    @property
    def host(self) -> str:
        """`127.0.0.1:port`."""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """`http://127.0.0.1:port`."""
        return f"http://{self.host}"

    def counts(self) -> Counter[str]:
        """The number of calls by question."""
        return Counter(call.question for call in self.calls)

    async def start(self, port: int = 0) -> None:
        """Listen on loopback; `port` 0 takes a free one."""
        app = web.Application(client_max_size=16 * 1024 * 1024)
        app.add_routes(
            [
                web.post("/api/chat", self._ollama_chat),
                web.get("/api/tags", self._tags),
                web.post("/api/show", self._show),
                web.get("/api/version", self._version),
                web.post("/v1/chat/completions", self._openai_chat),
                web.get("/v1/models", self._openai_models),
                web.get("/calls", self._get_calls),
                web.post("/script", self._post_script),
                web.post("/default", self._post_default),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port, backlog=1024)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Close the port and all connections."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def __aenter__(self) -> FakeModelServer:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def _ollama_chat(self, request: web.Request) -> web.StreamResponse:
        document = orjson.loads(await request.read())
        options = document.get("options") or {}
        return await self._serve(request, document, options, options.get("num_predict"), "ollama")

    async def _openai_chat(self, request: web.Request) -> web.StreamResponse:
        document = orjson.loads(await request.read())
        return await self._serve(request, document, document, document.get("max_tokens"), "openai")

    async def _serve(
        self,
        request: web.Request,
        document: dict[str, Any],
        options: dict[str, Any],
        max_tokens: int | None,
        protocol: str,
    ) -> web.StreamResponse:
        said = {message["role"]: message["content"] for message in document["messages"]}
        text = said.get("user", "")
        question, step = self._next_step(text)
        self.calls.append(
            Call(
                question=question,
                text=text,
                at=time.time(),
                protocol=protocol,
                model=document["model"],
                temperature=options.get("temperature"),
                seed=options.get("seed"),
                max_tokens=max_tokens,
                system=said.get("system"),
                authorization=request.headers.get("Authorization"),
            )
        )
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            await asyncio.sleep(self._latency if step.latency is None else step.latency)
            if step.fault is not None:
                return await send_fault(request, step.fault)
        finally:
            self.in_flight -= 1
        return self._response(step, protocol, document["model"], text)

    def _next_step(self, text: str) -> tuple[str, Step]:
        for question in [*(key for key in self.script if text.endswith(key)), "*"]:
            steps = self.script.get(question)
            if steps:
                step = steps.popleft() if isinstance(steps, deque) else steps.pop(0)
                return (text if question == "*" else question), step
        known = next((key for key in self.script if text.endswith(key)), text)
        return known, self.default or Step(text=self._answer(text))

    def _response(self, step: Step, protocol: str, model: str, question: str) -> web.Response:
        if step.body is not None:
            body = step.body.encode() if isinstance(step.body, str) else step.body
        elif step.status != 200:
            body = error_body(protocol, step.status, step.code)
        else:
            text = self._answer(question) if step.text is None else step.text
            body = answer_body(protocol, model, text, step.done_reason)
        headers = {"Content-Type": "application/json", **step.headers}
        return web.Response(status=step.status, body=body, headers=headers)

    async def _tags(self, _: web.Request) -> web.Response:
        models = [
            {
                "name": name,
                "model": name,
                "modified_at": "2026-01-02T03:04:05.678901234Z",
                "size": 98_000_000,
                "digest": "0" * 64,
                "details": {"format": "gguf", "family": "llama", "parameter_size": "134.52M"},
            }
            for name in self.models
        ]
        return web.json_response({"models": models})

    async def _show(self, request: web.Request) -> web.Response:
        name = (await request.json()).get("model")
        if name not in self.models:
            return web.json_response({"error": f"model '{name}' not found"}, status=404)
        return web.json_response({"details": {"format": "gguf"}, "model_info": {}})

    async def _version(self, _: web.Request) -> web.Response:
        return web.json_response({"version": "0.17.4"})

    async def _openai_models(self, _: web.Request) -> web.Response:
        models = [{"id": name, "object": "model", "created": 0} for name in self.models]
        return web.json_response({"object": "list", "data": models})

    async def _get_calls(self, _: web.Request) -> web.Response:
        calls = [{**asdict(call), "authorization": None} for call in self.calls]
        return web.Response(body=orjson.dumps({"calls": calls}), content_type="application/json")

    async def _post_script(self, request: web.Request) -> web.Response:
        for question, steps in (await request.json()).items():
            self.script[question] = deque(Step(**step) for step in steps)
        return web.json_response({})

    async def _post_default(self, request: web.Request) -> web.Response:
        step = await request.json()
        self.default = Step(**step) if step else None
        return web.json_response({})
