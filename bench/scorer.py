"""Our scorer beside `BERTScorer.score` of bert-score, on the same pairs, in one run.

    python -m bench.scorer [--json] [--threads 1 2] [--rounds 2]

Each figure is the best of the rounds in pairs/s; the two take turns. "difference" is the largest
distance of an F1 from the library's.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import time
from typing import Any

from app.adapters.scorer.bertscore import BertScoreScorer, load_library
from app.adapters.scorer.models import choose_encoder
from bench.gate_pairs import ROWS

#: Words of the shortest and the longest text of a set.
SETS = {"short (8-30 words)": (8, 30), "mixed (8-150 words)": (8, 150)}
BATCHES = (1, 8, 32)


def pairs_of(bounds: tuple[int, int], count: int, draw: random.Random) -> list[tuple[str, str]]:
    """Return pairs of texts made of real sentences, cut to a number of words drawn in `bounds`."""
    words = " ".join(row.long for row in ROWS).split()

    def text() -> str:
        start = draw.randrange(len(words))
        length = draw.randint(*bounds)
        return " ".join((words[start:] + words)[:length])

    return [(text(), text()) for _ in range(count)]


async def compare(threads: int, rounds: int) -> list[dict[str, Any]]:
    """Time both on each set and batch size."""
    import torch

    scorer = BertScoreScorer(threads=threads)
    await scorer.check()
    library = load_library(choose_encoder(None), threads)
    torch.set_num_threads(threads)
    rows = []
    for name, bounds in SETS.items():
        for batch in BATCHES:
            draw = random.Random(f"{name}{batch}")
            best_ours = best_theirs = 0.0
            difference = 0.0
            for _ in range(rounds):
                pairs = pairs_of(bounds, batch, draw)
                started = time.perf_counter()
                columns = await asyncio.to_thread(
                    library.score, *[list(texts) for texts in zip(*pairs, strict=True)]
                )
                middle = time.perf_counter()
                scores = await scorer.score(pairs)
                ended = time.perf_counter()
                best_theirs = max(best_theirs, batch / (middle - started))
                best_ours = max(best_ours, batch / (ended - middle))
                distances = [
                    abs(score.f1 - f1)
                    for score, f1 in zip(scores, columns[2].tolist(), strict=True)
                ]
                difference = max(difference, *distances)
            rows.append(
                {
                    "set": name,
                    "batch": batch,
                    "threads": threads,
                    "library_pairs_s": round(best_theirs, 1),
                    "ours_pairs_s": round(best_ours, 1),
                    "ratio": round(best_ours / best_theirs, 2),
                    "difference": float(f"{difference:.1e}"),
                }
            )
    await scorer.close()
    return rows


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--threads", type=int, nargs="+", default=[1])
    parser.add_argument("--rounds", type=int, default=2)
    arguments = parser.parse_args()
    rows = [
        row for count in arguments.threads for row in asyncio.run(compare(count, arguments.rounds))
    ]
    if arguments.json:
        print(json.dumps(rows, indent=2))
        return
    print(f"{'set':<22}{'threads':>8}{'batch':>6}{'library':>9}{'ours':>8}{'ratio':>7}{'diff':>10}")
    for row in rows:
        print(
            f"{row['set']:<22}{row['threads']:>8}{row['batch']:>6}{row['library_pairs_s']:>9}"
            f"{row['ours_pairs_s']:>8}{row['ratio']:>7}{row['difference']:>10.1e}"
        )


if __name__ == "__main__":
    main()
