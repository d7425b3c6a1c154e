"""What one call gets, and what is kept of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from app.fake_llm.faults import FAULTS


@dataclass(slots=True)
class Step:
    """What one call gets. `fault` (of faults.py) breaks the connection instead of replying.

    `body` is sent as it is (`status` 200 unless set); else `text` is answered in the protocol's
    form, or, with another status, an error body in the protocol's form with `code`.
    """

    text: str | None = None
    status: int = 200
    body: str | bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    latency: float | None = None
    code: str | None = None
    done_reason: str = "stop"
    fault: str | None = None

    def __post_init__(self) -> None:
        if self.fault is not None and self.fault not in FAULTS:
            raise ValueError(f"no fault {self.fault!r}; there are {sorted(FAULTS)}")


@dataclass(frozen=True, slots=True)
class Call:
    """One call as the server saw it. `at` is Unix seconds, `question` the script's key or text."""

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
