"""The figures of cost over HTTP."""

from __future__ import annotations

from app.adapters.llm.memory import ScriptedModel
from app.core.failures import CAUSES
from app.errors import llm_failed
from app.web import costs
from tests.flow.engine import make_ports, question
from tests.flow.faulty import FaultyStore
from tests.web.client import serving

OVERLOADED = llm_failed(CAUSES["overloaded"], "busy", status=503)


async def test_a_questions_costs_are_its_calls_tokens_and_seconds() -> None:
    model = ScriptedModel(lambda prompt: "An answer", {"Why not?": [OVERLOADED, "wrong"]})
    async with serving(make_ports(model=model)) as api:
        asked = question("Why not?")
        await api.engine.submit(asked)
        await api.engine.final(asked.question_id)
        status, body = await api.get(f"/questions/{asked.question_id}/costs")
    prompts = [call.prompt for call in model.calls[1:]]
    assert len(prompts) == 2
    assert status == 200
    assert body["question_id"] == asked.question_id
    assert body["by_model"].keys() == {"scripted"}
    seconds = body["total"].pop("seconds")
    assert seconds >= 0
    assert body["total"] == {
        "calls": 3,
        "answered": 2,
        "failed": 1,
        "repeated": 0,
        "prompt_tokens": sum(len(prompt.user.split()) for prompt in prompts),
        "tokens": 1 + 2,
        "untold": 0,
    }


async def test_the_question_itself_reads_as_before() -> None:
    """What a question costs has a place of its own: its JSON has a closed set of keys."""
    async with serving() as api:
        asked = question("Why?")
        await api.engine.submit(asked)
        await api.engine.final(asked.question_id)
        _, body = await api.get(f"/questions/{asked.question_id}")
    assert set(body["attempts"][0]) == {
        "generation",
        "attempt",
        "model",
        "strategy",
        "temperature",
        "seed",
        "started_at",
        "seconds",
        "tokens",
        "prompt_tokens",
        "waited_seconds",
        "answer",
        "verdict",
        "why",
        "precision",
        "recall",
        "f1",
        "metric",
        "threshold",
        "gate",
        "scorer",
        "library",
        "rescaled",
    }


async def test_an_unknown_question_has_no_costs() -> None:
    async with serving() as api:
        status, body = await api.get("/questions/nobody/costs")
    assert (status, body["error"]["code"]) == (404, "not_found")


async def test_all_costs_are_read_once_for_requests_that_come_together() -> None:
    class Counting(FaultyStore):
        reads = 0

        async def costs(self, *args: object) -> object:
            self.reads += 1
            return await self.inner.costs()

    store = Counting()
    async with serving(make_ports(store=store)) as api:
        asked = [question(f"Why {n}?") for n in range(3)]
        await api.engine.submit(*asked)
        await api.engine.finals(*asked)
        for _ in range(3):
            status, body = await api.get("/costs")
            assert (status, body["total"]["calls"]) == (200, 3)
        assert store.reads == 1
        store.down = True
        assert (await api.get("/costs"))[0] == 200, "still known"
    assert costs.KEPT_SECONDS <= 10


async def test_the_metrics_count_tokens_and_seconds() -> None:
    async with serving() as api:
        asked = [question(f"Why {n}?") for n in range(3)]
        await api.engine.submit(*asked)
        await api.engine.finals(*asked)
        _, body = await api.get("/metrics")
    assert body["model_tokens_by_kind"] == {"prompt": 6, "answer": 6}
    assert body["model_tokens"] == 12
    assert 0 <= body["model_seconds"] < 10
