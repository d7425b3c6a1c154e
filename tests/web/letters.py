"""Dead letters for tests of the API: made, read, redriven."""

from __future__ import annotations

import base64
from typing import Any

from app.adapters.llm.memory import ScriptedModel
from app.core.failures import CAUSES
from app.core.lifecycle import Status
from app.errors import llm_failed
from models.questions import Question
from tests.flow.engine import question
from tests.web.client import Api

WHY = {"cause": ["unauthorized"]}


class Key:
    """A model whose key is refused until it is mended."""

    def __init__(self) -> None:
        self.good = False
        self.asked = 0

    def model(self) -> ScriptedModel:
        def answer(_: Any) -> str:
            self.asked += 1
            if not self.good:
                raise llm_failed(CAUSES["unauthorized"], "401", status=401)
            return "An answer"

        return ScriptedModel(answer)


def b64(value: bytes) -> str:
    return base64.b64encode(value).decode()


async def dead_questions(api: Api, count: int) -> list[Question]:
    asked = [question(f"Question {n}?", question_id=f"q{n}") for n in range(count)]
    await api.engine.submit(*asked)
    rows = await api.engine.finals(*asked)
    assert {row.status for row in rows} == {Status.DEAD}
    return asked


async def redrive(api: Api, **body: Any) -> dict[str, Any]:
    status, row = await api.call("POST", "/dead-letters/redrive", json=body)
    assert status == 200, row
    return dict(row)


async def letters(api: Api, query: str = "") -> list[dict[str, Any]]:
    status, page = await api.get(f"/dead-letters?{query}")
    assert status == 200, page
    return list(page["letters"])


async def in_round(api: Api, question_id: str, round_: int) -> bool:
    row = await api.engine.ports.store.question(question_id)
    return row is not None and row.turn.round == round_ and row.status.final
