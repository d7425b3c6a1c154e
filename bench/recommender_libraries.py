"""Our matrix factorisation beside the libraries that were looked at, on the same ratings.

    python -m bench.recommender_libraries [--ratings ratings.csv] [--count 1000000] [--json]

The libraries are not among the project's requirements: install lenskit, scikit-surprise and cornac
beside numpy, safetensors and threadpoolctl; what is missing is left out. Each way is fitted with
each of its settings in a process of its own; the best RMSE on each user's last tenth counts, with
the time and the peak memory of that process. `MB` is the process without the way's own imports
and data taken off.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from itertools import product
from typing import Any

import numpy as np

from app.recommender.table import RatingTable, split_last_of_each
from bench.recommender_data import read_table

#: A way predicts the stars of (users, movies) of the held-out rows; unknown ones may be NaN.
Way = Callable[..., Any]


def ours(train: RatingTable, test: RatingTable, factors: int, regularisation: float) -> Any:
    from app.recommender.als import Regularisation
    from app.recommender.fitting import fit
    from app.recommender.live import LiveRecommender

    strength = Regularisation(factors_per_rating=regularisation)
    model = fit(train, factors=factors, regularisation=strength, held_out=0.0)
    return LiveRecommender(model).predict(test.users.tolist(), test.movies.tolist())


def lenskit(train: RatingTable, test: RatingTable, factors: int, regularisation: float) -> Any:
    import pandas as pd
    from lenskit.als import BiasedMFScorer
    from lenskit.data import from_interactions_df

    frame = pd.DataFrame(
        {"user_id": train.users, "item_id": train.movies, "rating": train.stars.astype(float)}
    )
    data = from_interactions_df(frame)
    scorer = BiasedMFScorer(embedding_size=factors, epochs=10, regularization=regularisation)
    scorer.train(data)
    users = data.users.numbers(test.users, missing="negative")
    movies = data.items.numbers(test.movies, missing="negative")
    bias = scorer.bias
    found = np.full(len(test.users), bias.global_bias, dtype=float)
    found += np.where(users >= 0, bias.user_biases[users], 0.0)
    found += np.where(movies >= 0, bias.item_biases[movies], 0.0)
    products = np.einsum("ij,ij->i", scorer.user_embeddings[users], scorer.item_embeddings[movies])
    return found + np.where((users >= 0) & (movies >= 0), products, 0.0)


def surprise(train: RatingTable, test: RatingTable, factors: int, regularisation: float) -> Any:
    import pandas as pd
    from surprise import SVD, Dataset, Reader

    frame = pd.DataFrame({"u": train.users, "i": train.movies, "r": train.stars.astype(float)})
    data = Dataset.load_from_df(frame, Reader(rating_scale=(0.5, 5.0))).build_full_trainset()
    svd = SVD(n_factors=factors, n_epochs=30, reg_all=regularisation, random_state=1)
    svd.fit(data)
    pairs = zip(test.users.tolist(), test.movies.tolist(), strict=True)
    return [svd.predict(user, movie).est for user, movie in pairs]


def cornac(train: RatingTable, test: RatingTable, factors: int, regularisation: float) -> Any:
    from cornac.data import Dataset
    from cornac.models import MF

    columns = (train.users, train.movies, train.stars.astype(float))
    rows = zip(*(column.tolist() for column in columns), strict=True)
    data = Dataset.from_uir(rows, seed=1)
    model = MF(
        k=factors, max_iter=50, learning_rate=0.01, lambda_reg=regularisation, use_bias=True, seed=1
    )
    model.fit(data)
    users = np.array([data.uid_map.get(u, -1) for u in test.users.tolist()])
    movies = np.array([data.iid_map.get(i, -1) for i in test.movies.tolist()])
    known_user, known_movie = users >= 0, movies >= 0
    found = np.full(len(users), model.global_mean, dtype=float)
    found += np.where(known_user, model.u_biases[users], 0.0)
    found += np.where(known_movie, model.i_biases[movies], 0.0)
    products = np.einsum("ij,ij->i", model.u_factors[users], model.i_factors[movies])
    return found + np.where(known_user & known_movie, products, 0.0)


WAYS: dict[str, tuple[Way, str, list[tuple[int, float]]]] = {
    "answerloop": (ours, "numpy", list(product((8, 16, 32), (0.02, 0.05, 0.1)))),
    "lenskit": (lenskit, "lenskit", list(product((8, 16, 32), (0.05, 0.1, 0.2)))),
    "scikit-surprise": (surprise, "surprise", list(product((8, 16, 50), (0.05, 0.1)))),
    "cornac": (cornac, "cornac", list(product((8, 16, 50), (0.02, 0.05, 0.1, 0.15)))),
}


def one(name: str, at: int, arguments: argparse.Namespace) -> dict[str, Any]:
    """Fit one way with one of its settings; meant for a process of its own."""
    way, _, settings = WAYS[name]
    train, test = split_last_of_each(read_table(arguments).newest(), 0.1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    found = np.asarray(way(train, test, *settings[at]), dtype=float)
    seconds = time.perf_counter() - started
    known = np.clip(np.nan_to_num(found, nan=float(train.stars.mean())), 0.5, 5.0)
    return {
        "way": name,
        "factors": settings[at][0],
        "regularisation": settings[at][1],
        "rmse": round(float(np.sqrt(np.mean((known - test.stars) ** 2))), 4),
        "seconds": round(seconds, 1),
        "MB": round((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024),
    }


def best_of_each(arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    for name, (_, package, settings) in WAYS.items():
        if find_spec(package) is None or (arguments.only and name not in arguments.only):
            continue
        rows = []
        for at in range(len(settings)):
            command = [sys.executable, "-m", "bench.recommender_libraries", *sys.argv[1:]]
            done = subprocess.run(
                [*command, "--one", name, str(at)], capture_output=True, check=True, timeout=900
            )
            rows.append(json.loads(done.stdout.splitlines()[-1]))
        yield min(rows, key=lambda row: float(row["rmse"]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ratings", help="a ratings.csv of MovieLens; else synthetic ratings")
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--users", type=int, default=6_000)
    parser.add_argument("--movies", type=int, default=4_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="+", choices=sorted(WAYS))
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(one(arguments.one[0], int(arguments.one[1]), arguments)))
        return
    rows = list(best_of_each(arguments))
    if arguments.json:
        print(json.dumps(rows))
        return
    print(f"{'way':16} {'factors':>7} {'regular.':>8} {'RMSE':>7} {'seconds':>7} {'MB':>6}")
    for row in rows:
        print(
            f"{row['way']:16} {row['factors']:>7} {row['regularisation']:>8} {row['rmse']:>7}"
            f" {row['seconds']:>7} {row['MB']:>6}"
        )


if __name__ == "__main__":
    main()
