"""What a run prints at its end: one table of what happened, and what to do next."""

from __future__ import annotations

import shlex

from rich.table import Table

from app.calibration.start import kept_findings
from app.cli.batch import Totals
from app.cli.output import printable, stdout
from app.config.gate import gate_by
from app.core.costs import Costs, total
from app.core.lifecycle import Status
from app.settings import Settings

_MEANINGS = {
    Status.VALIDATED: "the answer passed the gate",
    Status.LOW_QUALITY: "no attempt passed; the best is kept",
    Status.UNSCORED: "no reference answer was given",
    Status.DEAD: "gave up, with the cause",
}


def print_summary(totals: Totals, settings: Settings) -> None:
    """Print the totals of a run for people."""
    console = stdout()
    title = "Interrupted: the same command continues" if totals.interrupted else "Done"
    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column("state")
    table.add_column("questions", justify="right")
    table.add_column(f"mean {totals.metric.word if totals.metric else 'score'}", justify="right")
    table.add_column("meaning")
    means = totals.mean(totals.score_sum)
    for status, meaning in _MEANINGS.items():
        count, mean = totals.counts[status], means.get(status)
        table.add_row(str(status), str(count), printable(mean), meaning)
    table.add_section()
    for name, value, meaning in _work(totals):
        table.add_row(name, value, "", meaning)
    console.print(table)
    gate = gate_by(settings, totals.scorer)
    console.print(f"gate: {printable(gate.words)}")
    for finding in kept_findings(settings):
        console.print(f"[yellow]gate check:[/yellow] {printable(finding)}: answerloop gate check")
    for ended, causes in sorted(totals.causes.items()):
        for cause, count in causes.most_common():
            console.print(f"{ended}, cause {printable(cause)}: {count}")
    if totals.rejects is not None:
        console.print(f"{totals.bad_rows} bad rows: {printable(totals.rejects)}")
    if totals.out is not None and not totals.interrupted:
        console.print(f"results: {printable(totals.out)}")
    if totals.report is not None:
        console.print(f"report: {printable(totals.report)}")
    console.print(f"database, log: {printable(settings.data_dir)}")
    _print_next_steps(totals, settings)


def _work(totals: Totals) -> list[tuple[str, str, str]]:
    figures, costs = totals.figures, total(totals.costs)
    rate = totals.rows / totals.seconds if totals.seconds else 0.0
    retries = figures.get("retries_scheduled", 0)
    return [
        ("rows", str(totals.rows), f"{totals.answered_before} were answered before"),
        ("model calls", str(figures.get("model_calls", 0)), _calls_in_all(costs)),
        ("model time", f"{costs.seconds:.1f}", "seconds of all their calls"),
        (
            "tokens",
            str(costs.tokens),
            f"written in all, {costs.prompt_tokens} read{_untold(costs)}",
        ),
        ("regenerations", str(figures.get("regenerations", 0)), "weak answers asked again"),
        ("retries", str(retries), "after overloads and rate limits"),
        ("seconds", f"{totals.seconds:.1f}", f"{rate:.1f} questions/s"),
    ]


def _calls_in_all(costs: Costs) -> str:
    again = f", {costs.repeated} twice" if costs.repeated else ", none twice"
    return f"now; in all {costs.calls}{again}"


def _untold(costs: Costs) -> str:
    return f"; {costs.untold} answers came without a count" if costs.untold else ""


def _print_next_steps(totals: Totals, settings: Settings) -> None:
    console = stdout()
    console.print("[bold]try next[/bold]")
    steps = {
        f"answerloop show {totals.example or 'QUESTION_ID'}": "every attempt of it",
        "answerloop worker": "dashboard and HTTP API",
    }
    if totals.out is None:
        steps["answerloop run FILE --out results.csv"] = "asks nothing again"
    if totals.report is None:
        steps["answerloop report --out report.html"] = "a page of the answers"
    if "data_dir" in settings.model_fields_set:
        here = printable(shlex.quote(str(settings.data_dir)))
        console.print(f"  export ANSWERLOOP_DATA_DIR={here}  # where this run is stored")
    for command, about in steps.items():
        console.print(f"  {printable(command):<53} # {about}", soft_wrap=True)
