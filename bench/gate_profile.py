"""Measures the gate profile of the bundled MiniLM: what tells a good answer from an unrelated one.

    python -m bench.gate_profile [--json] [--model FILE] [--write]

Prints a table, or `--json`; `--write` writes the profile that is shipped. Good: a short and a long
good answer for each row of gate_pairs.py. Unrelated: the good answers of other questions in the
same language. `--model FILE` adds what the bundled model answers (kept in FILE, made when it is not
there): beside other questions' references these count as unrelated; beside their own they are right
or wrong, nobody says which, and only their pass rate is shown. A wrong fact in the right words
can't be told apart by any threshold, and is not measured here (docs/models.md).
"""

from __future__ import annotations

import argparse
import asyncio
import json
from pathlib import Path
from typing import Any

from app.adapters.llm.bundled import BundledModel
from app.adapters.scorer.bertscore import BertScoreScorer
from app.core.gate import Score
from app.core.strategies import prompt_for
from bench.gate_pairs import ROWS

PROFILE = Path(__file__).resolve().parents[1] / "app/adapters/scorer/profiles/minilm-l6.json"
METRICS = ("f1", "recall", "precision")
#: Each good answer is also scored against the references of this many other questions.
UNRELATED_EACH = 4
#: What an accepted unrelated answer costs beside a rejected good one (which is asked again).
WEIGHT_OF_A_BAD_PASS = 2.0

Groups = dict[str, list[Score]]


def pairs_of(answers: dict[str, str]) -> dict[str, list[tuple[str, str]]]:
    """Return (candidate, reference) pairs by group: good or unrelated, length, language.

    `answers` are the model's own, by question (may be empty).
    """
    groups: dict[str, list[tuple[str, str]]] = {}
    for language in ("en", "es"):
        rows = [row for row in ROWS if row.language == language]
        for at, row in enumerate(rows):
            candidates = {"short": row.short, "long": row.long}
            if row.question in answers:
                candidates["model"] = answers[row.question]
            for length, answer in candidates.items():
                kind = "own" if length == "model" else "good"
                groups.setdefault(f"{kind} {length} {language}", []).append((answer, row.reference))
                for step in range(1, UNRELATED_EACH + 1):
                    other = rows[(at + step * 3 + 1) % len(rows)]
                    assert other is not row
                    groups.setdefault(f"unrelated {length} {language}", []).append(
                        (answer, other.reference)
                    )
    return groups


async def answer_all() -> dict[str, str]:
    """Return what the bundled model answers, by question. Takes minutes."""
    model = BundledModel()
    answers = {}
    for row in ROWS:
        answers[row.question] = (await model.answer(prompt_for(row.question, 1))).text
    await model.close()
    return answers


def model_answers(file: Path | None) -> dict[str, str]:
    """Return the model's answers from `file`, made when it is not there; none without a file."""
    if file is None:
        return {}
    if not file.is_file():
        answers = asyncio.run(answer_all())
        file.write_text(json.dumps(answers, ensure_ascii=False, indent=1), encoding="utf-8")
    return dict(json.loads(file.read_text(encoding="utf-8")))


async def measure(answers: dict[str, str]) -> tuple[str, Groups]:
    """Score all pairs with the bundled encoder."""
    scorer = BertScoreScorer()
    try:
        await scorer.check()
        groups = {name: await scorer.score(pairs) for name, pairs in pairs_of(answers).items()}
        return scorer.name, groups
    finally:
        await scorer.close()


def rate(scores: list[Score], metric: str, threshold: float) -> float:
    """Return the share of scores that pass."""
    return sum(getattr(score, metric) >= threshold for score in scores) / len(scores)


def best(groups: Groups) -> tuple[str, float]:
    """Return the metric with the lowest weighted error, and the middle of its best range."""
    good = [score for name, scores in groups.items() if name.startswith("good") for score in scores]
    bad = [score for name, scores in groups.items() if name.startswith("unr") for score in scores]

    def cost(metric: str, threshold: float) -> float:
        missed = 1 - rate(good, metric, threshold)
        return missed + WEIGHT_OF_A_BAD_PASS * rate(bad, metric, threshold)

    steps = [step / 200 for step in range(20, 191)]
    metric = min(METRICS, key=lambda metric: min(cost(metric, step) for step in steps))
    lowest = min(cost(metric, step) for step in steps)
    equal = [step for step in steps if cost(metric, step) == lowest]
    return metric, equal[len(equal) // 2]


def profile_of(name: str, groups: Groups) -> dict[str, Any]:
    """Return the profile as it is shipped."""
    metric, threshold = best(groups)
    return {
        "scorer": name,
        "metric": metric,
        "threshold": threshold,
        "measured": {
            "by": "bench/gate_profile.py",
            "pairs": {group: len(scores) for group, scores in groups.items()},
            "pass_rates": {
                group: round(rate(scores, metric, threshold), 3) for group, scores in groups.items()
            },
            "pass_rates_f1_0.75": {
                group: round(rate(scores, "f1", 0.75), 3) for group, scores in groups.items()
            },
        },
    }


def _print_table(groups: Groups, profile: dict[str, Any]) -> None:
    metric, threshold = profile["metric"], profile["threshold"]
    chosen = f"{metric}>={threshold}"
    print(
        f"{'group':<20}{'pairs':>6}{'f1 low':>8}{'mid':>6}{'high':>6}"
        f"{'rec low':>9}{'mid':>6}{'high':>6}{chosen:>15}{'f1>=0.75':>10}"
    )
    for group, scores in groups.items():
        cells = ""
        for name, width in (("f1", 8), ("recall", 9)):
            values = sorted(getattr(score, name) for score in scores)
            cells += f"{values[0]:>{width}.2f}{values[len(values) // 2]:>6.2f}{values[-1]:>6.2f}"
        passed, raw = rate(scores, metric, threshold), rate(scores, "f1", 0.75)
        print(f"{group:<20}{len(scores):>6}{cells}{passed:>15.1%}{raw:>10.1%}")


def main() -> None:
    """Measure, and print or write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--write", action="store_true", help=f"write {PROFILE.name}")
    parser.add_argument(
        "--model", type=Path, metavar="FILE", help="add the bundled model's answers"
    )
    arguments = parser.parse_args()
    name, groups = asyncio.run(measure(model_answers(arguments.model)))
    profile = profile_of(name, groups)
    if arguments.json:
        print(json.dumps(profile, indent=2))
    else:
        _print_table(groups, profile)
    if arguments.write:
        PROFILE.parent.mkdir(exist_ok=True)
        PROFILE.write_text(json.dumps(profile, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
