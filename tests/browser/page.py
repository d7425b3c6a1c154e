"""One tab: where it goes, what it shows, what it complains of."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.browser.chromium import Connection

PATIENCE_SECONDS = 15.0
#: Key -> (code, Windows virtual key code, text).
KEYS = {
    "Tab": ("Tab", 9, ""),
    "Enter": ("Enter", 13, "\r"),
    "Escape": ("Escape", 27, ""),
    " ": ("Space", 32, " "),
    "ArrowRight": ("ArrowRight", 39, ""),
    "ArrowLeft": ("ArrowLeft", 37, ""),
    "ArrowDown": ("ArrowDown", 40, ""),
}
_SHIFT = 8


class PageError(AssertionError):
    """JavaScript that was evaluated threw."""


class Page:
    """A tab. `errors` collects uncaught errors, console errors, and what a policy refused."""

    def __init__(self, connection: Connection, session: str, target: str) -> None:
        self._connection = connection
        self._session = session
        self._target = target
        self._loaded = asyncio.Event()
        self.errors: list[str] = []
        #: Every address that was asked for.
        self.requests: list[str] = []

    async def prepare(self) -> None:
        """Listen to what happens in the tab."""
        self._connection.listen(self._session, self._on_event)
        for domain in ("Page", "Runtime", "Log", "Network"):
            await self.call(f"{domain}.enable")

    async def call(self, method: str, **parameters: Any) -> Any:
        """Send a DevTools command to this tab."""
        return await self._connection.call(method, self._session, **parameters)

    async def go(self, url: str) -> None:
        """Navigate, and return once the page is loaded (a change of the fragment: at once)."""
        self._loaded.clear()
        found = await self.call("Page.navigate", url=url)
        assert "errorText" not in found, f"{url}: {found['errorText']}"
        if "loaderId" in found:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._loaded.wait()

    async def resize(self, width: int, height: int = 900) -> None:
        await self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    async def prefer(self, *, dark: bool) -> None:
        """Say what the user's system prefers."""
        features = [
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]
        await self.call("Emulation.setEmulatedMedia", features=features)

    async def offline(self, away: bool = True) -> None:
        """Cut the network off, or connect it again."""
        await self.call(
            "Network.emulateNetworkConditions",
            offline=away,
            latency=0,
            downloadThroughput=-1,
            uploadThroughput=-1,
        )

    async def evaluate(self, script: str) -> Any:
        """Return the JSON value of an expression; promises are awaited. Raises PageError."""
        found = await self.call(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in found:
            raise PageError(_thrown(found["exceptionDetails"]))
        return found["result"].get("value")

    async def until(self, script: str, seconds: float = PATIENCE_SECONDS) -> Any:
        """Return the first true value of an expression, asking until the time is over.

        An element is true.
        """
        asked = f"(async () => {{ const found = await ({script});"
        asked += " return found instanceof Node ? true : found; })()"
        end = time.monotonic() + seconds
        while not (value := await self.evaluate(asked)):
            assert time.monotonic() < end, f"not in time: {script}\nerrors: {self.errors}"
            await asyncio.sleep(0.05)
        return value

    async def text(self, selector: str = "body") -> str:
        """Return the text that an element shows."""
        found: str = await self.evaluate(
            f"document.querySelector({json.dumps(selector)}).innerText"
        )
        return found

    async def click(self, selector: str) -> None:
        """Click on an element once it is there, with the mouse, where it is."""
        x, y = await self.hover(selector)
        for kind in ("mousePressed", "mouseReleased"):
            await self.call(
                "Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1
            )

    async def hover(self, selector: str) -> tuple[float, float]:
        """Point with the mouse at an element once it is there, and return where that is."""
        await self.until(f"document.querySelector({json.dumps(selector)}) !== null")
        x, y = await self.evaluate(
            f"""(() => {{
                const found = document.querySelector({json.dumps(selector)});
                found.scrollIntoView({{block: "center"}});
                const box = found.getBoundingClientRect();
                return [box.x + box.width / 2, box.y + box.height / 2];
            }})()"""
        )
        await self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        return x, y

    async def press(self, key: str, *, shift: bool = False) -> None:
        """Press one of `KEYS` and let it go."""
        code, number, text = KEYS[key]
        common = {"key": key, "code": code, "windowsVirtualKeyCode": number}
        common["modifiers"] = _SHIFT if shift else 0  # type: ignore[assignment]
        down = {"type": "keyDown" if text else "rawKeyDown", **({"text": text} if text else {})}
        await self.call("Input.dispatchKeyEvent", **down, **common)
        await self.call("Input.dispatchKeyEvent", type="keyUp", **common)

    async def write(self, text: str) -> None:
        """Put a text where the focus is."""
        await self.call("Input.insertText", text=text)

    async def overflow(self) -> int:
        """Return by how many pixels the page is wider than its window."""
        found: int = await self.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        return found

    async def screenshot(self, file: Path, *, whole: bool = False) -> None:
        """Write a PNG of the window, or of the whole page."""
        found = await self.call("Page.captureScreenshot", captureBeyondViewport=whole)
        await asyncio.to_thread(file.write_bytes, base64.b64decode(found["data"]))

    async def close(self) -> None:
        await self._connection.call("Target.closeTarget", targetId=self._target)

    def _on_event(self, method: str, found: dict[str, Any]) -> None:
        match method:
            case "Page.loadEventFired":
                self._loaded.set()
            case "Network.requestWillBeSent":
                self.requests.append(found["request"]["url"])
            case "Runtime.exceptionThrown":
                self.errors.append(_thrown(found["exceptionDetails"]))
            case "Runtime.consoleAPICalled" if found["type"] in ("error", "assert"):
                words = [str(each.get("value", each.get("description"))) for each in found["args"]]
                self.errors.append(" ".join(words))
            case "Log.entryAdded" if found["entry"]["level"] == "error":
                entry = found["entry"]
                self.errors.append(f"{entry['text']} ({entry.get('url', '')})")


def _thrown(details: dict[str, Any]) -> str:
    return str(details.get("exception", {}).get("description") or details.get("text"))
