"""Serving a call: the step that is its turn, the wait for it, and the reply or the fault."""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from aiohttp import web

from app.fake_llm.answers import ReferenceAnswers
from app.fake_llm.capacity import QueueFull
from app.fake_llm.faults import send_fault
from app.fake_llm.modes import MODES, Mode
from app.fake_llm.replies import is_answer, reply_to
from app.fake_llm.requests import call_of, read_chat
from app.fake_llm.script import draw
from app.fake_llm.steps import Call, Step

if TYPE_CHECKING:
    from app.fake_llm.server import FakeModelServer

_ANSWER = Mode("", "body", "", "answer")


class Serving:
    """Serves the calls of a server. What its script leaves open is said here: text and latency."""

    def __init__(
        self,
        server: FakeModelServer,
        answer: Callable[[str], str],
        answers: ReferenceAnswers | None,
        latency: float,
        jitter: float,
        seed: int,
    ) -> None:
        self._server = server
        self._answer = answer
        self._answers = answers
        self._latency = latency
        self._jitter = jitter
        self._seed = seed

    async def chat(self, request: web.Request, protocol: str) -> web.StreamResponse:
        """Serve a call of a protocol's chat route."""
        document = read_chat(await request.read())
        if document is None:
            return web.json_response({"error": "this is no chat request"}, status=400)
        call = call_of(request, document, protocol)
        call.question, step = self._next_step(call.text)
        self._server.log.begin(call)
        try:
            return await self._serve(request, call, step)
        except (asyncio.CancelledError, ConnectionError):
            self._server.log.end(call, "broken" if self._is_broken(call) else "left")
            raise
        finally:
            self._server.log.end(call, "broken")

    def _is_broken(self, call: Call) -> bool:
        """Whether it is the server's doing that the connection of a call ended."""
        return self._server.shut or MODES.get(call.mode or "", _ANSWER).kind == "connection"

    async def _serve(
        self, request: web.Request, call: Call, step: Step | None
    ) -> web.StreamResponse:
        count = self._server.log.tally.questions[call.question]
        chance = random.Random(f"{self._seed}|{call.question}|{count}")
        factor = 1.0
        if step is None:
            drawn = draw(self._server.phases.at(self._server.script_seconds), chance)
            if drawn is not None:
                factor, step = drawn[0].latency_factor, drawn[1]
            step = step or self._server.default or Step()
        mode = MODES[step.fault] if step.fault else _ANSWER
        call.mode = step.fault
        latency = self._latency + self._jitter * chance.random()
        wait = (latency if step.latency is None else step.latency) * factor * mode.latency_factor
        if is_answer(step):
            step = await self._wait_for_an_answer(call, wait, step)
        else:
            await asyncio.sleep(wait)
        if mode.kind == "connection":
            return await send_fault(request, mode.name)
        return await self._send(request, call, step)

    async def _wait_for_an_answer(self, call: Call, wait: float, step: Step) -> Step:
        """Wait for a slot and in it; return the step that follows: `step`, or 503 at once."""
        self._server.capacity.limits = self._server.limits_now()
        try:
            async with self._server.capacity.slot():
                await asyncio.sleep(wait)
        except QueueFull:
            call.mode = "overloaded"
            return Step(fault="overloaded")
        return step

    async def _send(self, request: web.Request, call: Call, step: Step) -> web.StreamResponse:
        reply = reply_to(step, call, lambda: self._text(call), time.time())
        headers = {"Content-Type": "application/json", **reply.headers}
        response = web.Response(status=reply.status, body=reply.body, headers=headers)
        await response.prepare(request)
        await response.write_eof()
        self._server.log.end(call, "answered" if is_answer(step) else "failed", reply.status)
        return response

    def _text(self, call: Call) -> str:
        if self._answers is not None and call.question in self._answers:
            return self._answers.answer(call.question, call.text, call.seed)
        return self._answer(call.text)

    def _next_step(self, text: str) -> tuple[str, Step | None]:
        """Return the question that a user text asks, and its next scripted step."""
        keys = [key for key in self._server.script if key != "*" and text.endswith(key)]
        for key in (*keys, "*"):
            steps = self._server.script.get(key)
            if steps:
                step = steps.popleft() if isinstance(steps, deque) else steps.pop(0)
                return (self.question_of(text) if key == "*" else key), step
        return (keys[0] if keys else self.question_of(text)), None

    def question_of(self, text: str) -> str:
        """Return the text without a strategy's instruction: a known question that ends it."""
        known = self._server.log.tally.questions
        start = text.find("\n\n")
        while start >= 0:
            rest = text[start + 2 :]
            if rest in known or (self._answers is not None and rest in self._answers):
                return rest
            start = text.find("\n\n", start + 1)
        return text
