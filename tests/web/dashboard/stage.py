"""A running pipeline with questions in every state, and its dashboard in a browser."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from app.adapters.llm.memory import ScriptedModel
from app.core.failures import CAUSES
from app.core.retry import RetryPolicy
from app.core.strategies import Prompt
from app.errors import llm_failed
from app.ports import Ports
from tests.browser import Browser, Page
from tests.flow.engine import LIMITS, Engine, make_ports, question
from tests.web.client import Api, serving

OVERLOADED = llm_failed(
    CAUSES["overloaded"], "503 Service Unavailable: busy", status=503, retry_after_seconds=150.0
)
LIMITED = llm_failed(CAUSES["rate_limited"], "429 Too Many Requests", status=429)
REFUSED = llm_failed(CAUSES["unauthorized"], "401: the key is not known", status=401)
#: Waits of minutes: what waits stays where it is while a test looks.
SLOW = RetryPolicy(overload_base_seconds=90.0, quota_delay_seconds=200.0, jitter=0.2)
#: Text, reference; the scripted model answers with the text after "Say ".
GOOD = [
    ("What is the capital of Chile? Say Santiago.", "Santiago."),
    ("¿Cuál es la capital de Perú? Say Lima.", "Lima."),
    ("¿Quién escribió el Quijote? Say Miguel de Cervantes.", "Miguel de Cervantes."),
    ("Which metal is liquid at room temperature? Say mercury.", "mercury."),
]
WEAK = [
    ("Why is the sky blue? Say because.", "Short wavelengths are scattered more than long ones")
]


def answer_of(prompt: Prompt) -> str:
    return prompt.user.partition("Say ")[2] or "I do not know."


@dataclass
class Stage:
    """A browser, the API behind it, and where it is."""

    api: Api
    browser: Browser
    url: str
    ids: dict[str, str] = field(default_factory=dict)

    @property
    def engine(self) -> Engine:
        return self.api.engine

    async def open(self, hash_: str = "#/", *, width: int = 1280, dark: bool = False) -> Page:
        """Open a page of the dashboard, and return once it has been drawn."""
        page = await self.browser.open(self.url + "/" + hash_, width=width, dark=dark)
        await drawn(page)
        return page


async def drawn(page: Page) -> None:
    """Return once the page shows its data."""
    await page.until("document.querySelector('main h1') && !main.innerText.includes('Loading')")


@asynccontextmanager
async def staged(
    browser: Browser, ports: Ports | None = None, *, limits: Any = None, **settings: Any
) -> AsyncIterator[Stage]:
    """Serve a dashboard on a memory pipeline."""
    limits = limits or replace(LIMITS, policy=SLOW, forget_after_seconds=600)
    model = ScriptedModel(answer_of)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("app.web.dashboard.overview.HEALTH_SECONDS", 0.5)
        async with serving(ports or make_ports(model=model), limits=limits, **settings) as api:
            yield Stage(api, browser, str(api.client.make_url("")).rstrip("/"))


async def play(engine: Engine, more: int = 0) -> dict[str, str]:
    """Bring questions into every state; return an id of each. `more` good ones besides."""
    model: Any = engine.ports.model
    good = [question(text, reference) for text, reference in GOOD]
    good += [question(f"Question {n} of the archive? Say yes.", "yes.") for n in range(more)]
    weak = [question(text, reference) for text, reference in WEAK]
    unscored = [question("¿Qué es una partición? Say a part of a topic.", None)]
    dead = [question(f"Who holds key {n}? Say nobody.", "nobody.") for n in range(3)]
    waiting = [question(f"How far is star {n}? Say far.", "far.") for n in range(14)]
    for each in dead:
        model.script(each.question_text, REFUSED)
    for n, each in enumerate(waiting):
        model.script(each.question_text, LIMITED if n % 3 else OVERLOADED)
    retried = question("Which river is the longest? Say the Nile.", "the Nile.")
    await engine.submit(*good, *weak, *unscored, *dead, *waiting, retried)
    await engine.finals(*good, *weak, *unscored, *dead, retried)
    for each in waiting:
        await engine.in_state(each.question_id, "waiting")
    await engine.idle()
    return {
        "validated": good[0].question_id,
        "low_quality": weak[0].question_id,
        "unscored": unscored[0].question_id,
        "dead": dead[0].question_id,
        "waiting": waiting[0].question_id,
    }
