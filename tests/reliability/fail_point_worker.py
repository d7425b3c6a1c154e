"""A pipeline that fails at a chosen point of a question's way: killed, raising, or hanging there.

The embedded log and real PostgreSQL keep what it did. Each question names its point; a point fails
once, its mark in the folder says so. The 1st argument is JSON: folder, dsn, mode.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from agents.questions import ask
from app.adapters.llm.memory import ScriptedModel
from app.adapters.store.postgres.store import PostgresStore
from app.core.strategies import Prompt
from app.ports import Claim, Claimed, ModelAnswer
from tests.flow.engine import LIMITS, make_ports, question
from tests.reliability.pipeline import pipeline

#: In the order of a call's way through `ask`.
POINTS = (
    "after_consume",
    "ledger_claim",
    "model_reply",
    "database_commit",
    "publish",
    "before_acknowledge",
)


class FailPoint:
    """Fails once at the point that a question names."""

    def __init__(self, folder: Path, mode: str) -> None:
        self._folder = folder
        self._mode = mode

    async def reach(self, point: str, named: str) -> None:
        mark = self._folder / f"{point}.mark"
        if point not in named or mark.exists():
            return
        mark.touch()
        match self._mode:
            case "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            case "hang":
                await asyncio.sleep(3600)
            case _:
                raise RuntimeError(f"a defect at {point}")


class Store(PostgresStore):
    """Fails after the claim, and after the answer is stored."""

    fail: FailPoint

    async def claim(self, request: Any) -> Claim:
        claim = await super().claim(request)
        if isinstance(claim, Claimed):
            await self.fail.reach("ledger_claim", request.call.question_id)
        return claim

    async def record_answer(self, call: Any, owner: str, answer: Any) -> bool:
        kept = await super().record_answer(call, owner, answer)
        await self.fail.reach("database_commit", call.question_id)
        return kept


class Model(ScriptedModel):
    """Writes each call down before it answers, and fails when it has."""

    def __init__(self, fail: FailPoint, log: Path) -> None:
        super().__init__(lambda prompt: "An answer")
        self._fail = fail
        self._log = log

    async def answer(self, prompt: Prompt) -> ModelAnswer:
        with self._log.open("a") as log:
            log.write(f"{prompt.user}\n")
        answer = await super().answer(prompt)
        await self._fail.reach("model_reply", prompt.user)
        return answer


def _wrap_the_stage(fail: FailPoint) -> None:
    handle, publish = ask.handle, ask.publish

    async def failing_handle(context: Any, arrival: Any) -> None:
        await fail.reach("after_consume", arrival.value.question_id)
        await handle(context, arrival)
        await fail.reach("before_acknowledge", arrival.value.question_id)

    async def failing_publish(context: Any, messages: Any) -> None:
        await publish(context, messages)
        await fail.reach("publish", messages[0].key)

    ask.handle = failing_handle
    ask.publish = failing_publish


async def main(folder: Path, dsn: str, mode: str) -> None:
    """Answer one question for each point, to the end; a mark says that they are on the log."""
    fail = FailPoint(folder, mode)
    store = Store(dsn)
    store.fail = fail
    ports = make_ports(store=store, model=Model(fail, folder / "calls.log"))
    limits = replace(LIMITS, concurrency=1, lease_seconds=1.0)
    asked = [question(f"{point}?", question_id=point) for point in POINTS]
    _wrap_the_stage(fail)
    async with pipeline("log:", ports, limits=limits, data_dir=folder, partitions=1) as engine:
        submitted = folder / "submitted.mark"
        if not submitted.exists():
            await engine.submit(*asked)
            submitted.touch()
        await engine.finals(*asked)
        await engine.idle()
    await store.close()


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    asyncio.run(main(Path(given["folder"]), given["dsn"], given["mode"]))
