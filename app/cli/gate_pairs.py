"""What both gate commands do: take pairs, from a file or the built-in ones, and score them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from app.calibration.measure import Scored
from app.calibration.pairs import Pair
from app.calibration.sampling import Sample, built_in_sample, read_sample
from app.calibration.scoring import score_pairs
from app.cli.output import printable, stderr
from app.cli.ratings_progress import LiveCount
from app.files import BadRow, RejectsFile
from app.ports import Scorer

_SHOWN_BAD_ROWS = 5


def sample_of(path: Path | None, file_format: str | None, limit: int, seed: int) -> Sample:
    """Return the answers of a file (bad rows go to NAME.rejects.csv), or the built-in ones.

    Raises InputError.
    """
    if path is None:
        return built_in_sample()
    console = stderr()
    rejects = RejectsFile(path.with_name(f"{path.stem}.rejects.csv"))

    def on_bad_row(bad: BadRow) -> None:
        rejects.add(bad)
        if rejects.count <= _SHOWN_BAD_ROWS:
            console.print(f"line {bad.line}: {printable(bad.reason)}", style="yellow")

    with rejects:
        sample = read_sample(path, file_format, limit, seed, on_bad_row)
    if rejects.count:
        said = f"{rejects.count} bad rows: {printable(rejects.path)}"
        console.print(said, style="yellow")
    if sample.skipped:
        lacking = "an answer, a reference or a label" if sample.labelled else "answer or reference"
        console.print(f"{sample.skipped} rows skipped: without {lacking}", style="yellow")
    return sample


async def score_with_bar(
    scorer: Scorer, pairs: Sequence[Pair], guards: Sequence[str]
) -> tuple[list[Scored], list[Pair]]:
    """Score pairs with a progress bar. Raises ScorerUnavailable at once when it is away."""
    with LiveCount(stderr(), "scoring", len(pairs)) as bar:
        bar.show(0, "loading the scorer")
        await scorer.check()
        return await score_pairs(scorer, pairs, guards, on_done=bar.show)
