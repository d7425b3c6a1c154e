"""What one call gets, and what is kept of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from app.fake_llm.modes import MODES


@dataclass(slots=True)
class Step:
    """What one call gets: `fault` (a mode's name), and fields that win over the mode's own.

    `body` is sent as it is (`status` 200 unless set); else `text` is answered in the protocol's
    form, or, with another status, an error body in the protocol's form with `code`. `latency` is
    in seconds; without it the server's applies. Raises ValueError: there is no such fault, or it is
    one of the port, which no single call can get.
    """

    text: str | None = None
    status: int | None = None
    body: str | bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    latency: float | None = None
    code: str | None = None
    done_reason: str | None = None
    fault: str | None = None

    def __post_init__(self) -> None:
        if self.fault is None:
            return
        if self.fault not in MODES:
            raise ValueError(f"no fault {self.fault!r}; there are {', '.join(MODES)}")
        if MODES[self.fault].kind == "port":
            raise ValueError(f"{self.fault!r} is of the whole port: name it in a phase")


@dataclass(slots=True)
class Call:
    """One call as the server saw it.

    `at` and `ended` are Unix seconds (`ended` None: still open), `question` is the script's key,
    or the user text without the instruction of a strategy. `outcome` is `open`, `answered`,
    `failed` (an error of HTTP or in the body), `broken` (a fault of the connection) or `left` (the
    caller went, or the server stopped, before the reply); `mode` is the fault that it got.
    """

    question: str
    text: str
    at: float
    protocol: str
    model: str
    temperature: float | None
    seed: int | None
    max_tokens: int | None
    system: str | None
    authorization: str | None
    id: str = ""
    ended: float | None = None
    outcome: str = "open"
    status: int | None = None
    mode: str | None = None
