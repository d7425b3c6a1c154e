"""The client: asks questions at a rate over HTTP, as a polite one behind a load balancer does."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import aiohttp

from app.chaos.ledger import AcceptedQuestion, ClientLedger
from app.chaos.questions import ChaosQuestion, make_question

#: A worker that says nothing for so long is left for another one.
POST_SECONDS = 10.0
_PAUSE_SECONDS = (0.3, 0.6, 1.2, 2.5, 5.0)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A 503 or 429: when the question was posted, and how long the answer took."""

    posted_at: float
    seconds: float
    status: int


@dataclass
class Traffic:
    """What the client saw."""

    accepted: dict[str, AcceptedQuestion] = field(default_factory=dict)
    accepted_at: list[float] = field(default_factory=list)
    intake_seconds: list[float] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    no_connection: int = 0
    given_up: int = 0
    other: list[str] = field(default_factory=list)


class Client:
    """Posts questions to a random one of the workers that `addresses` names at that moment."""

    def __init__(
        self,
        run: str,
        folder: Path,
        addresses: Callable[[], Sequence[str]],
        random: Random,
        patience_seconds: float,
    ) -> None:
        self.run = run
        self.traffic = Traffic()
        self.ledger = ClientLedger(folder / "accepted.jsonl")
        self.offered = folder / "offered.jsonl"
        self._offers = self.offered.open("a", encoding="utf-8")
        self._addresses = addresses
        self._random = random
        self._patience = patience_seconds
        self.asked = 0
        self._sent: set[asyncio.Task[None]] = set()
        self._defect: BaseException | None = None

    async def ask_while(self, going_on: Callable[[], bool], rate: float) -> None:
        """Ask questions until `going_on` says no; then see them in."""
        start, sent = time.monotonic(), 0
        async with aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=POST_SECONDS),
            connector=aiohttp.TCPConnector(limit=0),
        ) as session:
            while going_on():
                self._raise_defect()
                self._send(session)
                sent += 1
                await asyncio.sleep(max(0.0, start + sent / rate - time.monotonic()))
            while self._sent:
                await asyncio.wait(set(self._sent))
        self._raise_defect()

    def close(self) -> None:
        for task in self._sent:
            task.cancel()
        self.ledger.close()
        self._offers.close()

    def _send(self, session: aiohttp.ClientSession) -> None:
        self.asked += 1
        question = make_question(self.run, self.asked)
        self._offers.write(json.dumps(question.key) + "\n")
        self._offers.flush()
        task = asyncio.create_task(self._offer(session, question))
        self._sent.add(task)
        task.add_done_callback(self._offered)

    def _offered(self, task: asyncio.Task[None]) -> None:
        self._sent.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._defect = task.exception()

    def _raise_defect(self) -> None:
        """A ledger that can't be written, say: nothing could be audited."""
        if self._defect is not None:
            raise self._defect

    async def _offer(self, session: aiohttp.ClientSession, question: ChaosQuestion) -> None:
        """Offer a question until some worker takes it, or patience ends: the same key each time."""
        deadline = time.monotonic() + self._patience
        tries = 0
        while time.monotonic() < deadline:
            if await self._post(session, question):
                return
            await asyncio.sleep(_PAUSE_SECONDS[min(tries, len(_PAUSE_SECONDS) - 1)])
            tries += 1
        self.traffic.given_up += 1

    async def _post(self, session: aiohttp.ClientSession, question: ChaosQuestion) -> bool:
        addresses = self._addresses()
        if not addresses:
            return False
        url = f"{self._random.choice(addresses)}/query"
        headers = {"Idempotency-Key": question.key}
        posted, started = time.time(), time.monotonic()
        try:
            async with session.post(url, json=question.body, headers=headers) as response:
                if response.status in {200, 202}:
                    question_id = (await response.json())["question_id"]
                    self.traffic.intake_seconds.append(time.monotonic() - started)
                    await self._note(question, question_id)
                    return True
                seconds = time.monotonic() - started
                if response.status in {429, 503}:
                    self.traffic.refusals.append(Refusal(posted, seconds, response.status))
                else:
                    self.traffic.other.append(f"{response.status}: {await response.text()}"[:300])
        except (aiohttp.ClientError, TimeoutError, ConnectionError):
            self.traffic.no_connection += 1
        except (KeyError, TypeError, ValueError) as error:  # taken, and nobody can look for it
            self.traffic.other.append(f"a reply that names no question: {error!r}"[:300])
            return True
        return False

    async def _note(self, question: ChaosQuestion, question_id: str) -> None:
        accepted = AcceptedQuestion(
            number=question.number,
            question_id=question_id,
            key=question.key,
            text=question.text,
            expected=question.expected,
            accepted_at=time.time(),
        )
        await self.ledger.write(accepted)
        self.traffic.accepted[question_id] = accepted
        self.traffic.accepted_at.append(accepted.accepted_at)
