"""Scripts: what happens when (phases), and what a question's calls get (steps)."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import msgspec

from app.errors import InputError
from app.fake_llm.modes import MODES
from app.fake_llm.steps import Step

Seconds = Annotated[float, msgspec.Meta(ge=0, le=1e6)]
Status = Annotated[int, msgspec.Meta(ge=200, le=599)]


class StepDocument(msgspec.Struct, forbid_unknown_fields=True):
    """A step in JSON."""

    text: str | None = None
    status: Status | None = None
    body: str | None = None
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    latency: Seconds | None = None
    code: str | None = None
    done_reason: str | None = None
    fault: str | None = None
    retry_after: str | Seconds | None = None


class PhaseDocument(
    StepDocument, forbid_unknown_fields=True, rename={"start": "from", "end": "to"}
):
    """A phase in JSON: a window, a share, what the calls in it get, and the server's capacity."""

    fault: str | list[str] | None = None  # type: ignore[assignment]
    start: Seconds = 0.0
    end: Seconds | None = None
    share: Annotated[float, msgspec.Meta(ge=0, le=1)] = 1.0
    latency_factor: Annotated[float, msgspec.Meta(ge=0, le=1000)] = 1.0
    capacity: Annotated[int, msgspec.Meta(ge=1)] | None = None
    queue: Annotated[int, msgspec.Meta(ge=0)] | None = None


class ScriptDocument(msgspec.Struct, forbid_unknown_fields=True):
    """A script in JSON; a list alone is its phases."""

    phases: list[PhaseDocument] = []
    questions: dict[str, list[StepDocument]] = {}
    default: StepDocument | None = None


@dataclass(frozen=True, slots=True)
class Phase:
    """From `start` to before `end` (seconds of the script; None: for ever), for `share` of calls.

    Each of them gets one of `steps`, drawn evenly; with none, an answer after `latency_factor`
    times the latency. `port` is the port's fault, if any: it has no share. `capacity` and `queue`
    replace the server's as long as the phase lasts.
    """

    start: float
    end: float | None = None
    share: float = 1.0
    steps: tuple[Step, ...] = ()
    latency_factor: float = 1.0
    capacity: int | None = None
    queue: int | None = None
    port: str | None = None
    name: str = ""

    def covers(self, second: float) -> bool:
        """Whether the phase is on."""
        return self.start <= second and (self.end is None or second < self.end)


@dataclass(frozen=True, slots=True)
class Script:
    """Phases by time, steps by question, and what serves the rest."""

    phases: tuple[Phase, ...] = ()
    questions: dict[str, list[Step]] = field(default_factory=dict)
    default: Step | None = None

    def at(self, second: float) -> list[Phase]:
        """Return the phases that are on."""
        return [phase for phase in self.phases if phase.covers(second)]

    def port_at(self, second: float) -> str | None:
        """Return the port's fault."""
        return next((phase.port for phase in self.at(second) if phase.port), None)

    def next_change(self, second: float) -> float | None:
        """Return the next second after `second` at which a phase begins or ends."""
        edges = {e for p in self.phases for e in (p.start, p.end) if e is not None and e > second}
        return min(edges, default=None)


def draw(phases: Sequence[Phase], chance: random.Random) -> tuple[Phase, Step | None] | None:
    """Return the first phase whose share takes this call, and the step that it gets there."""
    for phase in phases:
        says = phase.steps or phase.latency_factor != 1
        if says and chance.random() < phase.share:
            return phase, chance.choice(phase.steps) if phase.steps else None
    return None


def read_script(data: bytes) -> Script:
    """Return the script of a JSON text. Raises InputError, naming the field."""
    document = _decoded(data, list[PhaseDocument] | ScriptDocument)
    if isinstance(document, list):
        document = ScriptDocument(phases=document)
    phases = tuple(_phase(n, each) for n, each in enumerate(document.phases))
    questions = {
        key: [_step(each, f"questions.{key}[{n}]") for n, each in enumerate(steps)]
        for key, steps in document.questions.items()
    }
    default = None if document.default is None else _step(document.default, "default")
    return Script(phases, questions, default)


def load_script(path: Path) -> Script:
    """Return the script of a file. Raises InputError, naming file and field."""
    try:
        return read_script(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    except InputError as error:
        raise InputError(f"{path}: {error}", field=error.field) from None


def read_step(data: bytes) -> Step | None:
    """Return the step of a JSON text, None for `null` and `{}`. Raises InputError."""
    document = _decoded(data, StepDocument | None)
    if document is None or document == StepDocument():
        return None
    return _step(document, "")


def _decoded(data: bytes, kind: Any) -> Any:
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$")
        unknown = (
            message.rpartition("unknown field `")[2].rstrip("`") if "unknown" in message else ""
        )
        where = ".".join(part for part in (path.rstrip("`").lstrip("."), unknown) if part)
        raise InputError(f"{where}: {message}" if where else message, field=where or None) from None
    except msgspec.DecodeError as error:
        raise InputError(f"this is not JSON: {error}") from None


def _step(document: StepDocument, where: str, fault: str | None = None) -> Step:
    headers = dict(document.headers)
    if document.retry_after is not None:
        headers["Retry-After"] = _plain(document.retry_after)
    try:
        return Step(
            text=document.text,
            status=document.status,
            body=document.body,
            headers=headers,
            latency=document.latency,
            code=document.code,
            done_reason=document.done_reason,
            fault=fault or document.fault,
        )
    except ValueError as error:
        path = f"{where}.fault".lstrip(".")
        raise InputError(f"{path}: {error}", field=path) from None


def _plain(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.15g}"


def _phase(number: int, document: PhaseDocument) -> Phase:
    where = f"phases[{number}]"
    if document.end is not None and document.end <= document.start:
        raise InputError(f"{where}.to: not after `from`", field=f"{where}.to")
    named: Any = document.fault
    faults = [named] if isinstance(named, str) else named or []
    port = next((each for each in faults if each in MODES and MODES[each].kind == "port"), None)
    if port is not None and len(faults) > 1:
        raise InputError(f"{where}.fault: {port} goes with no other", field=f"{where}.fault")
    steps = [] if port else [_step(document, where, fault) for fault in faults]
    if not faults and _says_something(document):
        steps = [_step(document, where)]
    return Phase(
        start=document.start,
        end=document.end,
        share=document.share,
        steps=tuple(steps),
        latency_factor=document.latency_factor,
        capacity=document.capacity,
        queue=document.queue,
        port=port,
        name=", ".join(faults),
    )


def _says_something(document: PhaseDocument) -> bool:
    fields = (
        document.text,
        document.status,
        document.body,
        document.latency,
        document.code,
        document.done_reason,
        document.retry_after,
    )
    return any(field is not None for field in fields) or bool(document.headers)
