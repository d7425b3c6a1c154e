"""The work of `run` on a pipeline in the test's own loop: errors, equal rows, dead questions."""

from __future__ import annotations

import asyncio
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from app.adapters.llm.memory import ScriptedModel
from app.adapters.scorer.memory import OverlapScorer
from app.adapters.store.memory import MemoryStore
from app.cli.batch import Batch, Totals
from app.cli.engine import LocalAsker
from app.cli.progress import BatchProgress
from app.core.failures import CAUSES
from app.core.lifecycle import Status
from app.errors import AnswerloopError, BrokerUnavailable, InputError, llm_failed
from app.files import Layout
from app.intake import NewQuestion
from app.settings import load_settings
from tests.flow.engine import Engine, make_ports, poll, running

BAD = llm_failed(CAUSES["bad_request"], "no", status=400)
WHY = NewQuestion("Why?", "An answer")


class Unreachable:
    """An engine whose broker is away."""

    async def submit(self, new: NewQuestion, **_: Any) -> dict[str, Any]:
        raise BrokerUnavailable("the broker is away")


async def run_file(engine: Any, file: Path, console: Console | None = None) -> Totals:
    settings = load_settings(data_dir=file.parent)
    totals = Totals(file=file, out=None)
    with BatchProgress(console or Console(quiet=True), 1) as progress:
        await Batch(engine, settings, totals, progress, fresh=False).run(file, Layout("csv"), None)
    return totals


def local_asker(engine: Engine) -> LocalAsker:
    return LocalAsker(engine.app, load_settings())


@pytest.mark.parametrize(
    ("rows", "kind"),
    [("question_text\nWhy?\n", BrokerUnavailable), ("no_such_column\nWhy?\n", InputError)],
)
def test_what_stops_a_run_is_one_plain_error(
    tmp_path: Path, rows: str, kind: type[AnswerloopError]
) -> None:
    file = tmp_path / "questions.csv"
    file.write_text(rows, encoding="utf-8")
    with pytest.raises(kind):
        asyncio.run(run_file(Unreachable(), file))


async def test_a_run_says_what_it_waits_for_and_when_that_is_back(tmp_path: Path) -> None:
    file = tmp_path / "questions.csv"
    file.write_text("question_text,original_answer\nWhy?,An answer\n", encoding="utf-8")
    scorer, printed = OverlapScorer(), StringIO()
    scorer.available = False

    async def back(words: str) -> bool:
        return words in printed.getvalue()

    async with running(make_ports(scorer=scorer)) as engine:
        run = asyncio.create_task(
            run_file(local_asker(engine), file, Console(file=printed, width=300))
        )
        await poll(
            partial(back, "waiting: the scorer is away (the overlap scorer is switched off)")
        )
        scorer.available = True
        assert (await run).counts == {"validated": 1}
    assert printed.getvalue().count("switched off") == 1
    assert printed.getvalue().count("switched off") == 1


async def test_equal_rows_all_see_the_end_that_another_worker_stored() -> None:
    """Nobody tells this process: both rows look into the database, and one is first."""
    async with running(make_ports()) as engine:
        engine.context.watch.tell = lambda question: None  # type: ignore[method-assign]
        asker = local_asker(engine)
        first, second = [await asker.submit(WHY) for _ in range(2)]
        ends = await asyncio.gather(
            *(asker.wait(each["question_id"], 20) for each in (first, second)),
            return_exceptions=True,
        )
    assert [end["status"] for end in ends if isinstance(end, dict)] == ["validated"] * 2


async def test_equal_rows_share_one_death_in_one_run_and_the_next_run_asks_anew(
    tmp_path: Path,
) -> None:
    file = tmp_path / "questions.csv"
    texts = ["Why?", "Who?", *["Why?"] * 40]
    file.write_text("question_text,original_answer\n" + "\n".join(f"{t},An answer" for t in texts))
    model = ScriptedModel(lambda prompt: "An answer", {"Why?": [BAD]})
    async with running(make_ports(model=model)) as engine:
        totals = await run_file(local_asker(engine), file)
        assert totals.counts == {"dead": 41, "validated": 1}
        [row] = (await engine.ports.store.questions(status=Status.DEAD)).questions
        assert row.turn.round == 0
        assert len(await engine.ports.store.dead_letters()) == 1
        again = await run_file(local_asker(engine), file)
        assert again.counts == {"validated": 42}
        assert again.answered_before == 1


async def test_a_dead_question_that_is_asked_anew_is_not_over_before_its_new_end() -> None:
    """Until `admit` has stored the new round, the database still shows the old end."""

    class Slow(MemoryStore):
        slow = False

        async def accept(self, questions: Any) -> Any:
            if self.slow:
                await asyncio.sleep(2.5)
            return await super().accept(questions)

    store = Slow()
    model = ScriptedModel(lambda prompt: "An answer", {"Why?": [BAD]})
    async with running(make_ports(store=store, model=model)) as engine:
        asker = local_asker(engine)
        asked = await asker.submit(WHY)
        dead = await asker.wait(asked["question_id"], 20)
        assert dead["status"] == "dead"
        store.slow = True
        again = await asker.submit(WHY)
        assert again["question_id"] == asked["question_id"]

        async def over() -> Any:
            row = await asker.wait(again["question_id"], 0.2)
            return row if row["status"] not in {"accepted", "asking", "judging"} else None

        row = await poll(over)
    assert (row["status"], row["round"]) == ("validated", 1)
