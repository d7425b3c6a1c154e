"""Scripts with a name, for trying settings without writing one. Times in seconds."""

from __future__ import annotations

from dataclasses import dataclass

from app.fake_llm.modes import MODES
from app.fake_llm.script import Phase, Script
from app.fake_llm.steps import Step


@dataclass(frozen=True, slots=True)
class Scenario:
    """A named script, and what to expect of a good client."""

    about: str
    script: Script


def _fault(start: float, end: float | None, *names: str, share: float = 1.0) -> Phase:
    steps = tuple(Step(fault=name) for name in names)
    return Phase(start, end, share, steps, name=", ".join(names))


def _port(start: float, end: float, name: str) -> Phase:
    return Phase(start, end, port=name, name=name)


def _limited(start: float, end: float, retry_after: str) -> Phase:
    step = Step(fault="rate_limited", headers={"Retry-After": retry_after})
    return Phase(start, end, steps=(step,), name="rate_limited")


def _one_after_the_other(seconds: float) -> Script:
    """Every mode that a single call can get, for so long each."""
    names = [name for name, mode in MODES.items() if mode.kind != "port"]
    phases = [_fault(n * seconds, (n + 1) * seconds, name) for n, name in enumerate(names)]
    return Script(tuple(phases))


SCENARIOS: dict[str, Scenario] = {
    "outage": Scenario("503 to all calls for a minute", Script((_fault(0, 60, "overloaded"),))),
    "down": Scenario("the port is closed for half a minute", Script((_port(0, 30, "refused"),))),
    "silent": Scenario(
        "connections are not accepted for half a minute", Script((_port(0, 30, "connect_hang"),))
    ),
    "restarting": Scenario(
        "up for 20 s, the port closed for 5 s, six times",
        Script(tuple(_port(20 + 25 * n, 25 + 25 * n, "refused") for n in range(6))),
    ),
    "flaky": Scenario(
        "one call of ten fails, each in another way",
        Script(
            (
                _fault(
                    0,
                    None,
                    "overloaded",
                    "server_error",
                    "reset",
                    "short_body",
                    "broken_json",
                    share=0.1,
                ),
            )
        ),
    ),
    "rate-limited": Scenario(
        "429 with Retry-After: 5 to nine calls of ten for a minute",
        Script(
            (
                Phase(
                    0,
                    60,
                    0.9,
                    (Step(fault="rate_limited", headers={"Retry-After": "5"}),),
                    name="rate_limited",
                ),
            )
        ),
    ),
    "slow": Scenario(
        "ten times the latency from second 60 to 360",
        Script((Phase(60, 360, latency_factor=10.0, name="slow"),)),
    ),
    "loaded": Scenario(
        "four calls at a time, the rest waits without bound, as at a busy Ollama",
        Script((Phase(0, capacity=4, name="loaded"),)),
    ),
    "shedding": Scenario(
        "four calls at a time, four may wait, 503 to the rest",
        Script((Phase(0, capacity=4, queue=4, name="shedding"),)),
    ),
    "no-credit": Scenario(
        "the account runs out of credit after a minute",
        Script((_fault(60, None, "insufficient_quota"),)),
    ),
    "everything": Scenario("every mode for five seconds", _one_after_the_other(5.0)),
}
