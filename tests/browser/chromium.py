"""A headless Chromium of its own for each block, and its one DevTools connection."""

from __future__ import annotations

import asyncio
import itertools
import json
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp

from tests.browser.page import Page
from tests.servers import ServerMissing, require

START_SECONDS = 30.0
ANSWER_SECONDS = 20.0
#: No network of its own: no updates, no sync, no guesses at names.
OPTIONS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-sync",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--hide-scrollbars",
    "--font-render-hinting=none",
    "--remote-debugging-port=0",
)

Listener = Callable[[str, dict[str, Any]], None]


class DevToolsError(Exception):
    """Chromium refused a command."""


class Connection:
    """Commands and events of every session over one WebSocket."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._ids = itertools.count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._listeners: dict[str | None, Listener] = {}
        self._reading = asyncio.create_task(self._read())

    def listen(self, session: str | None, listener: Listener) -> None:
        """Call `listener(method, parameters)` for each event of a session."""
        self._listeners[session] = listener

    async def call(self, method: str, session: str | None = None, **parameters: Any) -> Any:
        """Send a command and return its result. Raises DevToolsError, TimeoutError."""
        number = next(self._ids)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        message: dict[str, Any] = {"id": number, "method": method, "params": parameters}
        if session is not None:
            message["sessionId"] = session
        await self._socket.send_str(json.dumps(message))
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                found = await answer
        except TimeoutError:
            raise TimeoutError(f"Chromium did not answer {method}") from None
        finally:
            del self._answers[number]
        if "error" in found:
            raise DevToolsError(f"{method}: {found['error']}")
        return found["result"]

    async def close(self) -> None:
        self._reading.cancel()
        await self._socket.close()

    async def _read(self) -> None:
        async for message in self._socket:
            found = json.loads(message.data)
            if "id" in found:
                if (answer := self._answers.get(found["id"])) is not None and not answer.done():
                    answer.set_result(found)
            elif (listener := self._listeners.get(found.get("sessionId"))) is not None:
                listener(found["method"], found["params"])


class Browser:
    """A running Chromium."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def open(
        self,
        url: str = "about:blank",
        *,
        width: int = 1280,
        height: int = 900,
        dark: bool = False,
    ) -> Page:
        """Open a page in a tab of its own, as if on a screen of `width` x `height` pixels."""
        call = self._connection.call
        target = (await call("Target.createTarget", url="about:blank"))["targetId"]
        attached = await call("Target.attachToTarget", targetId=target, flatten=True)
        page = Page(self._connection, attached["sessionId"], target)
        await page.prepare()
        await page.resize(width, height)
        await page.prefer(dark=dark)
        if url != "about:blank":
            await page.go(url)
        return page


@asynccontextmanager
async def browsing() -> AsyncIterator[Browser]:
    """Start Chromium and end it. Without one the test is skipped, or fails where CI is set."""
    program = require(_chromium)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        process = await asyncio.create_subprocess_exec(
            *(program, *OPTIONS, f"--user-data-dir={folder}", "about:blank"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            address = await _address(Path(folder) / "DevToolsActivePort", process)
            async with (
                aiohttp.ClientSession() as session,
                session.ws_connect(address, max_msg_size=0, heartbeat=None) as socket,
            ):
                connection = Connection(socket)
                try:
                    yield Browser(connection)
                finally:
                    await connection.close()
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


async def _address(file: Path, process: asyncio.subprocess.Process) -> str:
    """Return the WebSocket's address, which Chromium writes into its profile."""
    async with asyncio.timeout(START_SECONDS):
        while len(lines := _lines(file)) < 2:
            assert process.returncode is None, f"Chromium ended with {process.returncode}"
            await asyncio.sleep(0.02)
    return f"ws://127.0.0.1:{lines[0]}{lines[1]}"


def _lines(file: Path) -> list[str]:
    return file.read_text().split("\n") if file.exists() else []


def _chromium() -> str:
    for name in ("chromium", "chromium-browser", "google-chrome", "chrome"):
        if found := shutil.which(name):
            return found
    raise ServerMissing("chromium")
