"""An engine inside a command, and the way to one that runs already."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from dataclasses import replace
from typing import Any, Protocol
from urllib.parse import quote

import aiohttp
import orjson

from app.cli.pipelines import running_pipelines, unless_crashed
from app.config.pipelines import QUESTIONS
from app.core.costs import Costs, costs_of_json, merged
from app.core.identity import idempotent_id
from app.core.lifecycle import Status
from app.data_dir.engine_file import running_engine
from app.errors import InputError, NotFoundError, UnavailableError
from app.factory import PipelineApp
from app.intake import Intake, NewQuestion, Taken
from app.settings import Settings
from app.web.bodies import MAX_BODY_BYTES


class Asker(Protocol):
    """What `ask` and `run` need: put a question in, and look at questions."""

    async def submit(
        self, new: NewQuestion, *, key: str | None = None, fresh: bool = False
    ) -> dict[str, Any]:
        """Take a question in; return it as it stands (`question_id`, `status` at least).

        The same idempotency key is the same question, whoever is asked.
        """
        ...

    async def wait(self, question_id: str, seconds: float) -> dict[str, Any]:
        """Return the question when it is final, or as it stands after `seconds`."""
        ...

    async def questions(self, question_ids: list[str]) -> list[dict[str, Any]]:
        """Return the known ones among the ids, in any order."""
        ...

    async def costs(self, question_ids: list[str]) -> dict[str, Costs]:
        """Return what the calls of these questions cost, by model."""
        ...

    async def figures(self) -> dict[str, Any]:
        """Return the engine's counters."""
        ...

    async def troubles(self) -> dict[str, str]:
        """Return what the engine waits for because it is away, e.g. `scorer`, and why."""
        ...


class LocalAsker:
    """Asks the engine of this process."""

    def __init__(self, app: PipelineApp, settings: Settings) -> None:
        self._context = app.context
        self._intake = Intake(app.context, settings.deadline_seconds)
        self._taken: dict[str, Taken] = {}

    async def submit(
        self, new: NewQuestion, *, key: str | None = None, fresh: bool = False
    ) -> dict[str, Any]:
        if key is not None:
            new = replace(new, question_id=idempotent_id(key))
        taken = await self._intake.take(new, fresh=fresh, source="run", will_wait=True)
        if taken.answered and taken.stored is not None:
            return taken.stored.as_json()
        if self._taken.setdefault(taken.question_id, taken) is not taken:
            taken.forget()  # an equal row waits already
        return {"question_id": taken.question_id, "status": str(Status.ACCEPTED)}

    async def wait(self, question_id: str, seconds: float) -> dict[str, Any]:
        taken = self._taken.get(question_id) or Taken(question_id, None)
        stored = await self._intake.wait(taken, seconds)
        if stored is None:
            return {"question_id": question_id, "status": str(Status.ACCEPTED)}
        if stored.status.final:
            self._taken.pop(question_id, taken).forget()
        return stored.as_json()

    async def questions(self, question_ids: list[str]) -> list[dict[str, Any]]:
        found = await self._context.ports.store.questions_by_id(question_ids)
        return [question.as_json() for question in found]

    async def costs(self, question_ids: list[str]) -> dict[str, Costs]:
        return await self._context.ports.store.costs(question_ids)

    async def figures(self) -> dict[str, Any]:
        return self._context.metrics.as_json()

    async def troubles(self) -> dict[str, str]:
        return self._context.waiting_for.troubles()


class HttpAsker:
    """Asks an engine that runs already, through its HTTP API."""

    def __init__(self, session: aiohttp.ClientSession, settings: Settings) -> None:
        self._session = session
        self._token = settings.api_token

    async def submit(
        self, new: NewQuestion, *, key: str | None = None, fresh: bool = False
    ) -> dict[str, Any]:
        question = {
            "question_text": new.question_text,
            "original_answer": new.original_answer,
            "metadata": dict(new.metadata),
            "fresh": fresh,
        }
        headers = {"Content-Type": "application/json"}
        path, body = "/query", orjson.dumps(question)
        if len(body) > MAX_BODY_BYTES:  # texts that are long in UTF-8: the route for several
            named = question if key is None else question | {"idempotency_key": key}
            path, body = "/questions", orjson.dumps({"questions": [named]})
        elif key is not None:
            headers["Idempotency-Key"] = key
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token.get_secret_value()}"
        while True:
            async with self._session.post(
                path, data=body, headers=headers, allow_redirects=False
            ) as response:
                answer = await response.json()
                if response.status < 300:
                    break
                if response.status not in (429, 503):
                    raise InputError(f"the engine refused: {answer['error']['message']}")
                await asyncio.sleep(float(response.headers.get("Retry-After", "1")))
        if path == "/query":
            return dict(answer)
        [row] = answer["questions"]
        return await self.wait(row["question_id"], 0.0) if Status(row["status"]).final else row

    async def wait(self, question_id: str, seconds: float) -> dict[str, Any]:
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while True:
            async with self._session.get(
                f"/questions/{question_id}", allow_redirects=False
            ) as response:
                found = await response.json() if response.status == 200 else {}
            row = {"question_id": question_id, "status": str(Status.ACCEPTED), **found}
            if Status(row["status"]).final or loop.time() >= end:
                return row
            await asyncio.sleep(0.5)

    async def questions(self, question_ids: list[str]) -> list[dict[str, Any]]:
        found = []
        for question_id in question_ids:
            async with self._session.get(
                f"/questions/{quote(question_id, safe='')}", allow_redirects=False
            ) as response:
                answer = dict(await response.json())
            if response.status == 200:
                found.append(answer)
            elif response.status != 404:
                raise UnavailableError(f"the engine can't tell now: {answer['error']['message']}")
        return found

    async def costs(self, question_ids: list[str]) -> dict[str, Costs]:
        return merged([costs_of_json(await self.shown_costs(each)) for each in question_ids])

    async def shown_costs(self, question_id: str | None) -> dict[str, Any]:
        """Return what a question cost, or all did, as shown. Raises NotFoundError."""
        path = (
            "/costs" if question_id is None else f"/questions/{quote(question_id, safe='')}/costs"
        )
        async with self._session.get(path, allow_redirects=False) as response:
            found = dict(await response.json())
            if response.status == 404:
                raise NotFoundError(found["error"]["message"])
            if response.status != 200:
                raise UnavailableError(found["error"]["message"])
            return found

    async def figures(self) -> dict[str, Any]:
        async with self._session.get("/metrics", allow_redirects=False) as response:
            return dict(await response.json())

    async def troubles(self) -> dict[str, str]:
        try:
            async with self._session.get("/health", allow_redirects=False) as response:
                dependencies = dict(await response.json())["dependencies"]
        except (aiohttp.ClientError, TimeoutError, ValueError, KeyError) as error:
            return {"engine": str(error) or type(error).__name__}
        return {
            name: each["detail"] for name, each in dependencies.items() if each["status"] == "down"
        }


@asynccontextmanager
async def local_engine(
    settings: Settings, *, check_gate: bool = False
) -> AsyncIterator[PipelineApp]:
    """Start the question pipeline in this process, with an HTTP server, and stop it at the end.

    With `check_gate` the gate is checked beside its work, where that was not done before.
    Raises UnavailableError or SettingsError before anything runs when a part can't be reached.
    """
    from app.calibration.start import gate_checked

    async with running_pipelines(settings, [QUESTIONS]) as pipelines:
        if pipelines.questions is None:
            raise RuntimeError("the question pipeline was asked for")
        context = pipelines.questions.context
        checked = gate_checked(settings, context.ports.scorer, context.log)
        async with unless_crashed(pipelines), checked if check_gate else nullcontext():
            yield pipelines.questions


@asynccontextmanager
async def any_engine(
    settings: Settings, *, own: bool = False, check_gate: bool = False
) -> AsyncIterator[Asker]:
    """Give the running engine of this DATA_DIR, else one in this process (`local_engine`).

    With `own` the command has options that only an engine of its own can follow: a running one is
    an InputError.
    """
    url = running_engine(settings) if settings.one_engine else None
    if url is not None and own:
        raise InputError(
            f"the engine at {url} runs with settings of its own: stop it, or leave out the options"
        )
    if url is not None:
        async with http_asker(url, settings) as asker:
            yield asker
        return
    async with local_engine(settings, check_gate=check_gate) as app:
        yield LocalAsker(app, settings)


@asynccontextmanager
async def http_asker(url: str, settings: Settings) -> AsyncIterator[HttpAsker]:
    """Give the engine at `url`. Raises UnavailableError when it does not answer."""
    timeout = aiohttp.ClientTimeout(total=60, sock_connect=5)
    async with aiohttp.ClientSession(url, timeout=timeout) as session:
        try:
            async with session.get("/livez", allow_redirects=False):
                yield HttpAsker(session, settings)
        except (aiohttp.ClientError, TimeoutError) as error:
            reason = str(error) or "no answer in time"
            raise UnavailableError(f"the engine at {url} does not answer: {reason}") from error


async def stored_question(settings: Settings, question_id: str) -> dict[str, Any]:
    """Return a question from the running engine, else from the database. Raises NotFoundError."""
    url = running_engine(settings) if settings.one_engine else None
    if url is not None:
        async with http_asker(url, settings) as asker:
            found = await asker.questions([question_id])
    else:
        from app.opening import Closer, open_store

        closers: list[Closer] = []
        try:
            store = await open_store(settings, closers)
            found = [q.as_json() for q in await store.questions_by_id([question_id])]
        finally:
            for closer in reversed(closers):
                await closer()
    if not found:
        raise NotFoundError(f"no question has the id {question_id}")
    return found[0]
