"""Measures what asking again brings: scores and passes by attempt, for several sets of strategies.

    python -m bench.regeneration [--questions N] [--strategies NAMES] [--set samples|pairs]
        [--file STRATEGIES.toml] [--llm URL --llm-model NAME] [--seconds S] [--list] [--json]

The model (the bundled one, unless `--llm` names a server), the scorer, its gate and the guards are
the real ones; each question is asked until an answer passes, as in the pipeline. `repeat` is the
control: nothing changes. Each table has a line for each attempt, over the questions that were asked
that often, and one for the best answers so far, over all. Intervals hold 95 % (bootstrap, Wilson);
differences to the control are paired by question. The built-in strategies were chosen on the set
`samples` (that of `make demo`); `pairs` (gate_pairs.py) had no part in that.

Calls and scores are kept in a file: a run that is out of time says how many questions it measured,
and the next one goes on from there.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path
from random import Random
from typing import Any

from app.adapters.llm.open import open_model
from app.adapters.scorer.bertscore import BertScoreScorer
from app.config.gate import gate_in_force
from app.config.strategies import read_strategies
from app.core.gate import Gate
from app.core.statistics import bootstrap_mean, mcnemar_exact, paired_bootstrap, wilson
from app.core.strategies import Strategies
from app.errors import AnswerloopError
from app.samples import samples_path
from app.settings import load_settings
from bench.gate_pairs import ROWS
from bench.regeneration_arms import ARMS, CONTROL
from bench.regeneration_play import Asked, Kept, Outside, Played, play

GENERATIONS = 3
SEED = 20_26
CACHE = Path(tempfile.gettempdir()) / "answerloop-regeneration.jsonl"


def questions_of(name: str, most: int) -> list[Asked]:
    """Return up to `most` questions with references, both languages, in an order by chance."""
    if name == "pairs":
        found = [Asked(row.language, row.question, row.reference) for row in ROWS]
    else:
        lines = samples_path().read_text(encoding="utf-8").splitlines()
        rows = [json.loads(line) for line in lines if line.strip()]
        found = [
            Asked(row["metadata"]["language"], row["question_text"], row["original_answer"])
            for row in rows
            if row["original_answer"]
        ]
    Random(SEED).shuffle(found)
    return found[:most]


def by_attempt(played: list[Played], metric: str) -> list[dict[str, Any]]:
    """Return the figures of each attempt, over the questions that were asked that often."""
    rows = []
    for attempt in range(1, GENERATIONS + 1):
        tried = [each.tried[attempt - 1] for each in played if len(each.tried) >= attempt]
        values = [getattr(each, metric) for each in tried]
        rows.append(
            {
                "attempt": attempt,
                "questions": len(tried),
                **_means(metric, values),
                **_means("f1", [each.f1 for each in tried]),
                "validated": _share([each.rejected_by is None for each in tried]),
                "objections": _share([each.guard is not None for each in tried]),
            }
        )
    return rows


def best_so_far(played: list[Played], metric: str) -> list[dict[str, Any]]:
    """Return the figures of the best answers once up to so many attempts were made."""
    return [
        {
            "attempts": attempts,
            "questions": len(played),
            **_means(metric, [each.best_after(attempts, metric) for each in played]),
            **_means("f1", [each.best_after(attempts, "f1") for each in played]),
            "validated": _share([each.validated_after(attempts) for each in played]),
            "calls": sum(min(attempts, len(each.tried)) for each in played),
        }
        for attempts in range(1, GENERATIONS + 1)
    ]


def against(control: list[Played], played: list[Played], metric: str) -> dict[str, Any]:
    """Return the paired difference to the control after all attempts."""
    before = [each.best_after(GENERATIONS, metric) for each in control]
    after = [each.best_after(GENERATIONS, metric) for each in played]
    pairs = list(zip(control, played, strict=True))
    gained = sum(not old.validated and new.validated for old, new in pairs)
    lost = sum(old.validated and not new.validated for old, new in pairs)
    return {
        f"{metric}_more": _mean([b - a for a, b in zip(before, after, strict=True)]),
        "interval": paired_bootstrap(before, after, seed=SEED),
        "gained": gained,
        "lost": lost,
        "p": mcnemar_exact(gained, lost),
    }


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _means(name: str, values: list[float]) -> dict[str, Any]:
    return {name: _mean(values), f"{name}_interval": bootstrap_mean(values, seed=SEED)}


def _share(hits: list[bool]) -> dict[str, Any]:
    return {"n": sum(hits), "of": len(hits), "interval": wilson(sum(hits), len(hits))}


async def measure(
    questions: list[Asked], arms: dict[str, Strategies], arguments: argparse.Namespace
) -> tuple[dict[str, list[Played]], Gate, Outside]:
    """Play all arms question by question, until the time is over: all have the same questions."""
    settings = load_settings()
    models = sorted({name for arm in arms.values() for name in arm.models()})
    secret = settings.llm_api_key
    key = secret.get_secret_value() if secret else ""
    model = open_model(arguments.llm, arguments.llm_model, key, also=models)
    scorer = BertScoreScorer()
    outside = Outside(model, scorer, Kept(arguments.cache))
    gate = gate_in_force(load_settings(scorer="local:"))
    until = time.monotonic() + arguments.seconds
    played: dict[str, list[Played]] = {name: [] for name in arms}
    try:
        await scorer.check()
        for number, question in enumerate(questions, 1):
            if time.monotonic() > until:
                break
            for name, strategies in arms.items():
                one = await play(question, strategies, GENERATIONS, outside, gate)
                played[name].append(one)
            if sys.stderr.isatty():
                print(f"\r{number}/{len(questions)} questions", end="", file=sys.stderr)
    finally:
        await model.close()
        await scorer.close()
        if sys.stderr.isatty():
            print(file=sys.stderr)
    return played, gate, outside


def figures(played: dict[str, list[Played]], metric: str) -> list[dict[str, Any]]:
    """Return the figures of each language (and of both) and set of strategies."""
    rows = []
    for language in ("en", "es", "all"):
        chosen = {
            name: [each for each in some if language in ("all", each.question.language)]
            for name, some in played.items()
        }
        rows += [
            {
                "language": language,
                "strategies": name,
                "attempts": by_attempt(some, metric),
                "best_so_far": best_so_far(some, metric),
                "against_control": against(chosen[CONTROL], some, metric),
            }
            for name, some in chosen.items()
            if some
        ]
    return rows


def _print(rows: list[dict[str, Any]], metric: str) -> None:
    print(
        f"{'':<4}{'strategies':<13}{'attempt':<9}{'asked':>6}  {metric:<20}{'f1':<20}"
        f"{'validated':>18}{'objections':>12}"
    )
    for row in rows:
        head = f"{row['language']:<4}{row['strategies']:<13}"
        for each in row["attempts"]:
            if each["questions"]:
                fires = f"{each['objections']['n'] / each['questions']:.0%}"
                print(f"{head}{each['attempt']:<9}{_line(each, metric)}{fires:>12}")
        last = row["best_so_far"][-1]
        print(f"{head}{'best':<9}{_line(last, metric)}   {last['calls']} calls")
        difference = row["against_control"]
        if row["strategies"] != CONTROL:
            low, high = difference["interval"] or (float("nan"), float("nan"))
            print(
                f"{'':<17}to {CONTROL}: {metric} {difference[f'{metric}_more']:+.3f} "
                f"({low:+.3f} to {high:+.3f}); validated +{difference['gained']} "
                f"-{difference['lost']}, p = {difference['p']:.3f}"
            )


def _line(row: dict[str, Any], metric: str) -> str:
    cells = f"{row['questions']:>6}  "
    for name in (metric, "f1"):
        low, high = row[f"{name}_interval"] or (row[name], row[name])
        cells += f"{f'{row[name]:.3f} ({low:.2f}-{high:.2f})':<20}"
    share = row["validated"]
    low, high = share["interval"]
    shown = f"{share['n'] / share['of']:.0%} ({low:.0%}-{high:.0%})"
    return f"{cells}{shown:>18}"


def _list(played: dict[str, list[Played]]) -> None:
    for name, some in played.items():
        for each in some:
            for number, one in enumerate(each.tried, 1):
                rejected = one.rejected_by or "passed"
                print(
                    f"{name} {number} [{one.strategy}] {rejected} "
                    f"recall {one.recall:.3f} f1 {one.f1:.3f} | {each.question.text} | "
                    f"{' '.join(one.answer.split())[:200]}"
                )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--questions", type=int, default=1_000, metavar="N")
    parser.add_argument("--strategies", default=",".join(ARMS), help="of: %(default)s")
    parser.add_argument("--set", choices=("samples", "pairs"), default="samples")
    parser.add_argument("--file", type=Path, help="a STRATEGIES_FILE to be measured, too")
    parser.add_argument("--llm", default="bundled:", help="as ANSWERLOOP_LLM")
    parser.add_argument("--llm-model", help="as ANSWERLOOP_LLM_MODEL")
    parser.add_argument("--seconds", type=float, default=170.0, help="ask no new question after")
    parser.add_argument("--cache", type=Path, default=CACHE, help="where calls are kept")
    parser.add_argument("--list", action="store_true", help="print every answer")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    names = list(dict.fromkeys([CONTROL, *filter(None, arguments.strategies.split(","))]))
    if unknown := [name for name in names if name not in ARMS]:
        parser.error(f"unknown strategies {', '.join(unknown)}; known: {', '.join(ARMS)}")
    arms = {name: ARMS[name] for name in names}
    questions = questions_of(arguments.set, arguments.questions)
    try:
        if arguments.file is not None:
            arms["file"] = read_strategies(arguments.file)
        played, gate, outside = asyncio.run(measure(questions, arms, arguments))
    except AnswerloopError as error:
        sys.exit(f"{error}")
    rows = figures(played, gate.metric)
    measured = len(played[CONTROL])
    facts = {
        "model": arguments.llm_model or arguments.llm,
        "set": arguments.set,
        "questions": measured,
        "of": len(questions),
        "gate": f"{gate.metric} >= {gate.threshold} ({gate.source})",
        "calls_made": outside.calls_made,
        "calls_kept": outside.calls_kept,
    }
    if arguments.json:
        print(json.dumps({**facts, "figures": rows}, indent=2))
        return
    if arguments.list:
        _list(played)
    print(", ".join(f"{name} {value}" for name, value in facts.items()))
    _print(rows, gate.metric)


if __name__ == "__main__":
    main()
