"""One engine of an APP_ID on an embedded log: a second one in the same process is refused."""

from __future__ import annotations

from uuid import uuid4

import pytest

from app.core.lifecycle import Status
from app.transports import close_storage
from app.transports.embedded.errors import GroupInUse
from tests.flow.engine import make_ports, question, running


async def test_a_second_engine_on_the_same_log_is_refused_and_harms_nothing() -> None:
    name = uuid4().hex
    try:
        async with running(make_ports(), name=name) as engine:
            with pytest.raises(GroupInUse, match="ANSWERLOOP_APP_ID"):
                async with running(make_ports(), name=name):
                    pass
            asked = question("Why?")
            await engine.submit(asked)
            assert (await engine.final(asked.question_id)).status is Status.VALIDATED
        async with running(make_ports(), name=name):
            pass  # after the first one has stopped the place is free
    finally:
        close_storage(f"memory://{name}")


async def test_another_app_id_is_another_group() -> None:
    name = uuid4().hex
    try:
        async with (
            running(make_ports(), name=name, app_id="one"),
            running(make_ports(), name=name, app_id="two"),
        ):
            pass
    finally:
        close_storage(f"memory://{name}")
