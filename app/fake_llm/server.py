"""A fake model server: the Ollama and the OpenAI protocol, with scripted faults.

In a program's loop: `async with FakeModelServer() as server: server.script["Why?"] = [Step(...)]`.
As a process: `answerloop fake-llm`, steered over HTTP (control.py).
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable
from pathlib import Path

from aiohttp import web

from app.fake_llm.answers import ReferenceAnswers, echo
from app.fake_llm.calls import CallLog
from app.fake_llm.capacity import UNLIMITED, Capacity, Limits
from app.fake_llm.listening import Door
from app.fake_llm.protocols import PROTOCOLS
from app.fake_llm.routes import protocol_routes, set_up
from app.fake_llm.script import Script
from app.fake_llm.serving import Serving
from app.fake_llm.steps import Call, Step

_RETRY_SECONDS = 0.1


class FakeModelServer:
    """Answers by `answer(text)` after `latency` seconds (+ up to `jitter`), unless scripted.

    `script[question]` holds the steps of the next calls whose user text ends with that question
    (`"*"`: any question); then `phases` (set by `run_script`) apply; `default`, when it is set,
    serves whatever is left. `limits` is how many calls are answered at a time.
    """

    def __init__(
        self,
        answer: Callable[[str], str] = echo,
        latency: float = 0.0,
        models: Iterable[str] = ("smol:latest",),
        *,
        answers: ReferenceAnswers | None = None,
        jitter: float = 0.0,
        limits: Limits = UNLIMITED,
        protocols: Iterable[str] = PROTOCOLS,
        seed: int = 0,
        calls_file: Path | None = None,
        keep_calls: int | None = None,
    ) -> None:
        self.script = defaultdict[str, deque[Step] | list[Step]](deque)
        self.default: Step | None = None
        self.models = list(models)
        self.limits = limits
        self.log = CallLog(calls_file, keep_calls)
        self.phases = Script()
        self.started_at = time.time()
        self.capacity = Capacity(limits)
        self.serving = Serving(self, answer, answers, latency, jitter, seed)
        self._protocols = tuple(protocols)
        self._began = time.monotonic()
        self._script_changed = asyncio.Event()
        self._runner: web.AppRunner | None = None
        self._control: web.AppRunner | None = None
        self._door: Door | None = None
        self._tending: asyncio.Task[None] | None = None
        self._host = "127.0.0.1"
        self._port_by_script: str | None = None

    @property
    def port(self) -> int:
        """The port, once it is open."""
        return 0 if self._door is None else self._door.port

    @property
    def host(self) -> str:
        """`127.0.0.1:port`, or the address that it listens on."""
        shown = f"[{self._host}]" if ":" in self._host else self._host
        return f"{shown}:{self.port}"

    @property
    def url(self) -> str:
        """`http://127.0.0.1:port`."""
        return f"http://{self.host}"

    @property
    def calls(self) -> list[Call]:
        """The calls that are kept in memory, in the order in which they began."""
        return self.log.kept

    @property
    def in_flight(self) -> int:
        """How many calls are open."""
        return self.log.tally.in_flight

    @property
    def most_in_flight(self) -> int:
        """How many calls were open at a time, at most."""
        return self.log.tally.most_in_flight

    @property
    def waiting(self) -> int:
        """How many of the open calls wait for a slot."""
        return self.capacity.waiting

    @property
    def script_seconds(self) -> float:
        """The time of the script in force: seconds since it was set."""
        return time.monotonic() - self._began

    def counts(self) -> Counter[str]:
        """The number of calls by question."""
        return Counter(call.question for call in self.calls)

    def run_script(self, script: Script) -> None:
        """Put a script in force; its time begins now. What was scripted before is forgotten."""
        self.phases = script
        self.script.clear()
        self.script.update({key: deque(steps) for key, steps in script.questions.items()})
        self.default = script.default
        self._began = time.monotonic()
        self._script_changed.set()

    def reset(self) -> None:
        """Forget script, default, calls and figures; the call log's file stays."""
        self.run_script(Script())
        self.log.clear()

    @property
    def control_url(self) -> str:
        """Where it is steered: its own address, or that of the control port."""
        if self._control is None:
            return self.url
        return f"http://127.0.0.1:{self._control.addresses[0][1]}"

    async def start(
        self, port: int = 0, host: str = "127.0.0.1", control_port: int | None = None
    ) -> None:
        """Listen; port 0 takes a free one. The script's time begins. Raises OSError.

        With `control_port` it can be steered on that port of loopback, too: when its own is closed.
        """
        from app.fake_llm.control import control_routes

        control = control_routes(self)
        self._runner = await set_up([*protocol_routes(self, self._protocols), *control])
        self._host = host
        self._door = Door(self._runner, host)
        self.log.open()
        await self._door.open(port)
        if control_port is not None:
            self._control = await set_up(control)
            await web.TCPSite(self._control, "127.0.0.1", control_port).start()
        self._began = time.monotonic()
        await self._obey_script()
        self._tending = asyncio.create_task(self._tend())

    async def stop(self) -> None:
        """Close the port, all connections and the call log's file."""
        if self._tending is not None:
            self._tending.cancel()
        for runner in (self._runner, self._control):
            if runner is not None:
                await runner.cleanup()
        if self._door is not None:
            self._door.release()
        self.log.close()

    async def set_port(self, fault: str | None) -> None:
        """Close the port (`refused`), let nobody in (`connect_hang`), or (None) open it again."""
        if self._door is not None:
            await self._door.set(fault)

    async def __aenter__(self) -> FakeModelServer:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def _tend(self) -> None:
        """Follow the script in what concerns the whole server."""
        while True:
            self._script_changed.clear()
            try:
                second = await self._obey_script()
            except OSError:  # somebody took the port while it was closed: until it is free again
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            change = self.phases.next_change(second)
            pause = None if change is None else max(0.001, change - self.script_seconds)
            try:
                await asyncio.wait_for(self._script_changed.wait(), pause)
            except TimeoutError:
                continue

    async def _obey_script(self) -> float:
        """Set port and capacity as the script has them now; return its time."""
        second = self.script_seconds
        wanted = self.phases.port_at(second)
        if wanted != self._port_by_script:
            await self.set_port(wanted)
            self._port_by_script = wanted
        self.capacity.limits = self._limits_at(second)
        return second

    @property
    def shut(self) -> bool:
        """Whether the port is closed, or lets nobody in."""
        return self._door is not None and self._door.fault is not None

    def limits_now(self) -> Limits:
        """Return how many calls the script has answered at a time now."""
        return self._limits_at(self.script_seconds)

    def _limits_at(self, second: float) -> Limits:
        for phase in self.phases.at(second):
            if phase.capacity is not None:
                return Limits(phase.capacity, phase.queue)
        return self.limits
