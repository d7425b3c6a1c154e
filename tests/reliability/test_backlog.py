"""H3: beyond the backlog intake refuses and says when to come back, then takes questions again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from app.adapters.llm.memory import ScriptedModel
from app.adapters.store.memory import MemoryStore
from app.core.strategies import Prompt
from app.ports import Accepted, ModelAnswer
from app.web.backlog import READ_SECONDS
from tests.flow.engine import make_ports, poll
from tests.web.client import Api, serving

LIMIT = 20


class HangingModel(ScriptedModel):
    """Answers nothing until `free` is set."""

    def __init__(self) -> None:
        super().__init__(lambda prompt: "An answer")
        self.free = asyncio.Event()

    async def answer(self, prompt: Prompt) -> ModelAnswer:
        await self.free.wait()
        return await super().answer(prompt)


class CountingStore(MemoryStore):
    """Notes how often it was asked for the backlog; a count may take its time, a store as well."""

    def __init__(self, seconds: float = 0.0) -> None:
        super().__init__()
        self.asked = 0
        self._seconds = seconds

    async def backlog(self, at_most: int) -> int:
        self.asked += 1
        counted = await super().backlog(at_most)
        await asyncio.sleep(self._seconds)
        return counted

    async def accept(self, questions: Sequence[Accepted]) -> set[str]:
        await asyncio.sleep(self._seconds)
        return await super().accept(questions)


async def ask(api: Api, number: int) -> tuple[int, int | None]:
    """Ask a question; return the status, and the Retry-After of one that was refused."""
    body = {"question_text": f"Question {number}?", "original_answer": "An answer"}
    async with asyncio.timeout(10), api.client.post("/query", json=body) as response:
        answer: dict[str, Any] = await response.json()
        if response.status == 202:
            return 202, None
        assert (response.status, answer["error"]["code"]) == (503, "backlog_full")
        return 503, int(response.headers["Retry-After"])


async def test_h3_beyond_the_backlog_intake_refuses_and_says_when_to_come_back() -> None:
    model, store = HangingModel(), CountingStore()
    async with serving(make_ports(model=model, store=store), backlog_limit=LIMIT) as api:
        began = time.monotonic()
        replies = [await ask(api, number) for number in range(LIMIT + 10)]
        assert [status for status, _ in replies] == [202] * LIMIT + [503] * 10
        await asyncio.sleep(READ_SECONDS)  # what it counted itself is compared with the database
        replies += await asyncio.gather(*(ask(api, number) for number in range(100, 200)))
        refused = [seconds for _, seconds in replies if seconds is not None]
        assert len(refused) == 110, "also when a hundred ask at once"
        assert all(1 <= seconds <= 300 for seconds in refused)
        assert await store.backlog(1000) == LIMIT
        assert store.asked <= (time.monotonic() - began) / READ_SECONDS + 2

        model.free.set()

        async def empty() -> bool:
            return await store.backlog(1000) == 0

        await poll(empty)

        async def taken() -> bool:
            return (await ask(api, 1000))[0] == 202

        await poll(taken, READ_SECONDS + 5, pause=0.1)


async def test_h3_a_slow_database_lets_nobody_past_the_limit() -> None:
    """Its counts are old when they come, and what was let in is stored late."""
    model, store = HangingModel(), CountingStore(seconds=0.3)
    async with serving(make_ports(model=model, store=store), backlog_limit=LIMIT) as api:
        replies: list[tuple[int, int | None]] = []
        while store.asked < 4:
            began = len(replies)
            numbers = range(began, began + 30)
            replies += await asyncio.gather(*(ask(api, number) for number in numbers))
            await asyncio.sleep(0.1)
        assert [status for status, _ in replies].count(202) == LIMIT
        assert await MemoryStore.backlog(store, 1000) == LIMIT
        model.free.set()


async def test_h3_clients_that_are_refused_together_do_not_come_back_together() -> None:
    """A steady overload: 20 questions/s are answered, and more are asked."""
    model = ScriptedModel(lambda prompt: "An answer", seconds=0.4)
    async with serving(make_ports(model=model), backlog_limit=LIMIT) as api:
        end, number = time.monotonic() + 8, 0
        refused: list[int] = []
        while time.monotonic() < end:
            asked = range(number, number + LIMIT)
            number += LIMIT
            replies = await asyncio.gather(*(ask(api, each) for each in asked))
            refused += [seconds for _, seconds in replies if seconds is not None]
            await asyncio.sleep(0.2)
        assert len(set(refused[-50:])) > 1
        assert all(1 <= seconds <= 300 for seconds in refused)
