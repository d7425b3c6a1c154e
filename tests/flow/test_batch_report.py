"""`run --report`: the page is of the rows of this file, repeated ones too, calls paid once."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from app.adapters.llm.memory import ScriptedModel
from app.cli.batch import Batch, Totals
from app.cli.engine import LocalAsker
from app.cli.progress import BatchProgress
from app.core.failures import CAUSES
from app.core.lifecycle import Status
from app.errors import llm_failed
from app.files import Layout
from app.intake import NewQuestion
from app.quality_report.builder import Report
from app.quality_report.page import About, write_page
from app.settings import load_settings
from tests.flow.engine import make_ports, running

BAD = llm_failed(CAUSES["bad_request"], "no", status=400)


async def test_the_report_of_a_run(tmp_path: Path) -> None:
    file = tmp_path / "questions.csv"
    file.write_text("question,answer\nWhy?,An answer\nWho?,An answer\nWhy?,An answer\nWhat?,\n")
    model = ScriptedModel(lambda prompt: "An answer", {"Who?": [BAD]})
    totals, report = Totals(file=file, out=None), Report()
    async with running(make_ports(model=model)) as engine:
        settings = load_settings(data_dir=tmp_path)
        asker = LocalAsker(engine.app, settings)
        await asker.submit(NewQuestion("Of somebody else?", "An answer"))
        with BatchProgress(Console(quiet=True), 4) as progress:
            batch = Batch(asker, settings, totals, progress, fresh=False)
            await batch.run(file, Layout("csv"), None)
            await batch.add_up()
            await batch.report(report)
    figures = report.figures
    assert figures.counts == {Status.VALIDATED: 2, Status.DEAD: 1, Status.UNSCORED: 1}
    assert figures.validated_of == (2, 3)
    assert sum(costs.calls for costs in figures.costs.values()) == 3
    assert figures.prompts_known
    page = tmp_path / "report.html"
    write_page(report, About(0.0, file.name), page)
    assert "2 of 3 questions validated" in page.read_text()
    assert "bad_request" in page.read_text()
