"""A scripted model in memory: the twin of the real ones, for flow tests and dry runs."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from app.adapters.llm.text import kept_text
from app.core.strategies import Prompt
from app.errors import LlmFailed, UnavailableError
from app.ports import ModelAnswer


@dataclass(frozen=True, slots=True)
class ScriptedCall:
    """One call that was made: which question (a key of the script, or the user text), and when."""

    question: str
    prompt: Prompt
    at: float


def _echo(prompt: Prompt) -> str:
    return f"An answer to: {prompt.user}"


class ScriptedModel:
    """Answers by `answer(prompt)` after `seconds`, unless `script` says otherwise.

    `script` maps a question to what its calls get, in order: a text, or an LlmFailed to raise. A
    question matches when it ends the user text (a strategy's instruction goes before it); when its
    steps are used up, `answer` serves. `calls` lists every call, `available` decides `check`.
    """

    def __init__(
        self,
        answer: Callable[[Prompt], str] = _echo,
        script: Mapping[str, Sequence[LlmFailed | str]] | None = None,
        seconds: float = 0.0,
        *,
        model: str = "scripted",
    ) -> None:
        self._answer = answer
        self._steps = defaultdict[str, deque[LlmFailed | str]](deque)
        for question, steps in (script or {}).items():
            self.script(question, *steps)
        self._seconds = seconds
        self._model = model
        self.available = True
        self.calls: list[ScriptedCall] = []
        self.in_flight = 0
        self.most_in_flight = 0

    @property
    def model(self) -> str:
        """The name it was given."""
        return self._model

    @property
    def where(self) -> str:
        """`memory`."""
        return "memory"

    def script(self, question: str, *steps: LlmFailed | str) -> None:
        """Add what the next calls of a question get."""
        self._steps[question].extend(steps)

    def calls_of(self, question: str) -> list[ScriptedCall]:
        """Return the calls of one question, in order."""
        return [call for call in self.calls if call.prompt.user.endswith(question)]

    async def answer(self, prompt: Prompt) -> ModelAnswer:
        """Answer, or raise the scripted LlmFailed."""
        question = next((key for key in self._steps if prompt.user.endswith(key)), prompt.user)
        self.calls.append(ScriptedCall(question, prompt, time.time()))
        started = time.monotonic()
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            await asyncio.sleep(self._seconds)
        finally:
            self.in_flight -= 1
        steps = self._steps.get(question)
        step = steps.popleft() if steps else self._answer(prompt)
        if isinstance(step, LlmFailed):
            raise step
        return ModelAnswer(
            text=kept_text(step),
            model=prompt.model or self._model,
            seconds=time.monotonic() - started,
            tokens=len(step.split()),
            prompt_tokens=len(prompt.user.split()),
            finish_reason="stop",
        )

    async def check(self) -> str:
        """Say that it is there, unless `available` is False."""
        if not self.available:
            raise UnavailableError("the scripted model is switched off")
        return f"{self._model}, in memory"

    async def close(self) -> None:
        """Nothing to close."""
