"""Scoring a file: order, resuming, stops, a scorer that is away, and the summary."""

from __future__ import annotations

import asyncio
import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from app.adapters.scorer.memory import OverlapScorer, overlap
from app.core.gate import Gate, Score
from app.core.guards import DEFAULT_GUARDS
from app.errors import InputError, ScoreFailure, ScorerUnavailable
from app.scoring.file_run import FileRun, Totals
from app.scoring.pairs_file import PairsFile
from app.scoring.results_file import COLUMNS, ResultsFile
from app.scoring.summary import Distribution

GATE = Gate(threshold=0.6)


class Uneven(OverlapScorer):
    """The later a pair comes the sooner it is scored; `no score` has none."""

    async def score(self, pairs: Sequence[tuple[str, str]]) -> list[Score]:
        self.calls.append(list(pairs))
        await self.check()
        await asyncio.sleep(0.01 / len(self.calls))
        if any(candidate == "no score" for candidate, _ in pairs):
            raise ScoreFailure("not a number")
        return [overlap(*pair) for pair in pairs]


def pairs_file(folder: Path, count: int = 30) -> Path:
    path = folder / "pairs.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("id", "question", "candidate", "reference"))
        for at in range(count):
            candidate = f"Son {at} días" if at % 3 else "=1+1, =HYPERLINK()"
            writer.writerow((at, "¿Cuántos?", candidate, f"Son {at} días"))
    return path


async def run(path: Path, out: Path | None = None, **options: Any) -> Totals:
    stop = options.pop("stop", None) or asyncio.Event()
    scorer = options.pop("scorer", None) or Uneven()
    gate = options.pop("gate", GATE)
    fresh = options.pop("fresh", False)
    results = None if out is None else ResultsFile(out, fresh=fresh)
    options = {"chunk": 4, **options}
    return await FileRun(PairsFile(path), results, scorer, gate, DEFAULT_GUARDS, **options).run(
        stop
    )


def read(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("name", ["out.csv", "out.jsonl"])
async def test_rows_come_in_the_order_of_the_file_with_their_figures(
    tmp_path: Path, name: str
) -> None:
    totals = await run(pairs_file(tmp_path), tmp_path / name)
    rows = read(tmp_path / name)
    assert [int(row["line"]) for row in rows] == list(range(2, 32))
    assert list(rows[0]) == list(COLUMNS)
    for at, row in enumerate(rows):
        assert row["reference"] == f"Son {at} días"
        assert float(row["f1"]) == (1.0 if at % 3 else 0.0)
        assert row["verdict"] == ("pass" if at % 3 else "fail")
    assert "numbers_changed" in str(rows[27]["guards"])
    assert "1.000 >= 0.600" in rows[1]["why"]
    found = totals.as_json(GATE)
    assert (found["pairs"], found["passed"], found["failed"]) == (30, 20, 10)
    assert found["f1"]["median"] == 1.0
    assert found["f1"]["p25"] == 0.0
    assert found["guards"]["numbers_changed"] > 0


async def test_bad_rows_missing_references_and_pairs_without_a_score_are_never_passes(
    tmp_path: Path,
) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text("candidate,reference\na,a\nno score,b\nc,\nbroken\n,d\n", encoding="utf-8")
    totals = await run(path, tmp_path / "out.csv")
    rows = read(tmp_path / "out.csv")
    assert [row["verdict"] for row in rows] == ["pass", "error", "unscored", "fail"]
    assert [row["f1"] for row in rows] == ["1.0", "", "", "0.0"]
    assert rows[1]["why"] == "not a number"
    assert totals.rejects == tmp_path / "pairs.rejects.csv"
    assert read(totals.rejects)[0]["line"] == "5"
    found = totals.as_json(GATE)
    assert (found["pairs"], found["pass_rate"], found["bad_rows"]) == (4, 0.5, 1)


@pytest.mark.parametrize("name", ["out.csv", "out.jsonl"])
@pytest.mark.parametrize("share", [0.0, 0.03, 0.4, 0.95, 1.0])
async def test_an_interrupted_run_continues_to_the_same_bytes(
    tmp_path: Path, name: str, share: float
) -> None:
    path, whole, part = pairs_file(tmp_path), tmp_path / name, tmp_path / f"part.{name}"
    first = (await run(path, whole)).as_json(GATE)
    content = whole.read_bytes()
    left = b'"half a row ' * len(content) if share == 0.4 else b""
    part.write_bytes(content[: int(share * len(content))] + left)
    scorer = Uneven()
    again = (await run(path, part, scorer=scorer)).as_json(GATE)
    assert part.read_bytes() == content
    assert again["resumed"] + sum(map(len, scorer.calls)) == 30
    for name_ in ("pairs", "passed", "f1", "guards"):
        assert again[name_] == first[name_]


async def test_a_stop_keeps_what_was_scored_and_says_so(tmp_path: Path) -> None:
    stop = asyncio.Event()
    path, out = pairs_file(tmp_path, 200), tmp_path / "out.csv"
    totals = await run(path, out, stop=stop, watch=lambda _: stop.set())
    assert totals.interrupted
    assert 4 <= totals.summary.pairs == len(read(out)) < 200
    assert not (await run(path, out)).interrupted
    assert len(read(out)) == 200


async def test_results_of_something_else_are_not_continued(tmp_path: Path) -> None:
    path, out = pairs_file(tmp_path), tmp_path / "out.csv"
    await run(path, out)
    before = out.read_bytes()
    with pytest.raises(InputError, match="another file, scorer, gate"):
        await run(path, out, gate=Gate(threshold=0.5))
    path.write_text(path.read_text("utf-8").replace("Son 20", "Son 21"), encoding="utf-8")
    with pytest.raises(InputError, match="row of line 22"):
        await run(path, out)
    assert out.read_bytes() == before
    await run(path, out, fresh=True)
    assert read(out)[20]["reference"] == "Son 21 días"
    out.write_text("name,value\na,b\n")
    with pytest.raises(InputError, match="something else"):
        await run(path, out)


async def test_a_scorer_that_is_away_is_waited_for_and_given_up_in_time(tmp_path: Path) -> None:
    path, out, scorer = pairs_file(tmp_path), tmp_path / "out.csv", Uneven()
    scorer.available = False
    running = asyncio.ensure_future(run(path, out, scorer=scorer))
    await asyncio.sleep(0.2)
    scorer.available = True
    assert (await running).summary.verdicts["error"] == 0
    scorer.available = False
    with pytest.raises(ScorerUnavailable):
        await run(path, tmp_path / "other.csv", scorer=scorer, patience_seconds=0.0)


async def test_no_more_than_two_chunks_are_in_memory(tmp_path: Path) -> None:
    scorer = Uneven()
    read_at_most: list[int] = []
    pairs = PairsFile(pairs_file(tmp_path, 400))
    each = pairs.size / 400

    def watch(totals: Totals) -> None:
        read_at_most.append(round(pairs.position / each) - totals.summary.pairs)

    await FileRun(pairs, None, scorer, GATE, (), chunk=10, watch=watch).run(asyncio.Event())
    assert max(read_at_most) <= 21


def test_quantiles_are_those_of_the_values() -> None:
    spread = Distribution()
    for at in range(1, 1001):
        spread.add(at / 1000)
    assert spread.as_json() == {
        **{"mean": 0.5005, "p5": 0.051, "p25": 0.2508, "median": 0.5005},
        **{"p75": 0.7502, "p95": 0.9501},
    }
    two = Distribution()
    for value in (0.1, 0.5):
        two.add(value)
    assert two.as_json() == {
        **{"mean": 0.3, "p5": 0.12, "p25": 0.2, "median": 0.3, "p75": 0.4, "p95": 0.48}
    }
    assert Distribution().as_json()["median"] is None
