"""Questions end to end on the in-memory log: the states in which they end."""

from __future__ import annotations

from itertools import pairwise

from app.adapters.llm_memory import ScriptedModel
from app.core.failures import CAUSES
from app.core.lifecycle import Status
from app.errors import llm_failed
from tests.flow.engine import make_ports, question, running

OVERLOADED = llm_failed(CAUSES["overloaded"], "busy", status=503)


async def test_a_good_answer_is_validated_and_stored() -> None:
    ports = make_ports(model=ScriptedModel(answer=lambda prompt: "Paris is the capital."))
    async with running(ports) as engine:
        asked = question("Which city?", "Paris is the capital.")
        await engine.submit(asked)
        row = await engine.final(asked.question_id)
    assert row.status is Status.VALIDATED
    assert row.answer == "Paris is the capital."
    assert row.score.f1 == 1.0
    assert [a.answer for a in row.attempts] == ["Paris is the capital."]


async def test_an_overload_is_retried_after_growing_waits() -> None:
    model = ScriptedModel(lambda prompt: "An answer", {"Why?": [OVERLOADED] * 3})
    async with running(make_ports(model=model)) as engine:
        asked = question("Why?")
        await engine.submit(asked)
        row = await engine.final(asked.question_id)
    assert row.status is Status.VALIDATED
    at = [call.at for call in model.calls_of("Why?")]
    gaps = [later - earlier for earlier, later in pairwise(at)]
    assert len(gaps) == 3
    assert all(gap >= nominal for gap, nominal in zip(gaps, (0.05, 0.1, 0.2), strict=True)), gaps
