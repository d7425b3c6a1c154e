"""The live recommender: how good it stays between two fits, and how quick it is.

    python -m bench.recommender [--ratings ratings.csv] [--split each] [--only speed] [--json]

Quality: fitted on the oldest 70 % of the ratings, the next 20 % arrive as a stream (movies
observed, users folded in with each chunk), the last 10 % are predicted. `--split each` takes the
shares from each user's own ratings: most of MovieLens' users come once, so that the last 10 % by
time are nearly all of users whom nothing is known of. Beside it, on the same
last 10 %: the mean of all, each movie's mean, the model of the 70 % left as it is, and a new fit on
the 90 %. `prequential` is the error on the stream's own ratings, each predicted before it is
learnt. Without `--ratings` the data are synthetic.

Speed: one user with 150 ratings rates once more: his vector and the top 10 of 10,000 movies. Beside
it what one would write without a recommender: the same by numpy, movie by movie and with a full
sort, and a new fit of the model. `cpu_p99_ms` is the thread's own processor time: what is left when
other programs of the machine are not counted.
"""

from __future__ import annotations

import argparse
import json
import time
from array import array
from collections.abc import Callable
from typing import Any

import numpy as np

from app.core.ratings.changes import mark_of
from app.ports.recommender import History
from app.recommender.als import Regularisation
from app.recommender.fitting import REGULARISATION, fit
from app.recommender.live import LiveRecommender
from app.recommender.opening import keep_to_one_blas_thread
from app.recommender.table import RatingTable, split_by_time, split_last_of_each
from bench.recommender_data import read_table

CHUNK = 3_000
MOVIES, HISTORY, TOP = 10_000, 150, 10


class Histories:
    """Current ratings by user, as the stage keeps them."""

    def __init__(self) -> None:
        self._by_user: dict[int, dict[int, int]] = {}

    def add(self, rows: RatingTable) -> list[History]:
        """Add ratings; return the histories of their users."""
        columns = (rows.users, rows.movies, rows.stars, rows.timestamps)
        for user, movie, stars, moment in zip(*(c.tolist() for c in columns), strict=True):
            self._by_user.setdefault(user, {})[movie] = mark_of(moment, int(stars * 2))
        return [self.of(user) for user in np.unique(rows.users).tolist()]

    def of(self, user: int) -> History:
        rated = dict(sorted(self._by_user.get(user, {}).items()))
        return History(user, array("I", rated), array("q", rated.values()))


def rmse_of(recommender: LiveRecommender, rows: RatingTable) -> float:
    found = recommender.predict(rows.users.tolist(), rows.movies.tolist())
    return float(np.sqrt(np.mean((np.asarray(found) - rows.stars) ** 2)))


def stream(recommender: LiveRecommender, rows: RatingTable) -> tuple[float, float]:
    """Let the ratings arrive in chunks. Returns the prequential RMSE and ratings/s."""
    histories, squares, seconds = Histories(), 0.0, 0.0
    for first in range(0, len(rows.users), CHUNK):
        chunk = rows.rows(slice(first, first + CHUNK))
        users, movies = chunk.users.tolist(), chunk.movies.tolist()
        halves = np.rint(chunk.stars * 2).astype(np.int64).tolist()
        changed = histories.add(chunk)
        started = time.perf_counter()
        guesses = recommender.predict(users, movies)
        recommender.observe(movies, halves)
        recommender.fold_in(changed)
        seconds += time.perf_counter() - started
        squares += float(np.sum((np.asarray(guesses) - chunk.stars) ** 2))
    return float(np.sqrt(squares / len(rows.users))), len(rows.users) / seconds


def split(table: RatingTable, by: str) -> tuple[RatingTable, RatingTable, RatingTable]:
    """Return 70, 20 and 10 % of the ratings; the 20 % in the order of time."""
    if by == "time":
        first, middle, last = split_by_time(table, 0.7, 0.2)
    else:
        rest, last = split_last_of_each(table, 0.1)
        first, middle = split_last_of_each(rest, 2 / 9)
        middle = split_by_time(middle)[0]
    return first, middle, last


def quality(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    first, middle, last = split(read_table(arguments), arguments.split)
    settings = {
        "factors": arguments.factors,
        "regularisation": Regularisation(*arguments.regularisation),
    }
    live = LiveRecommender(fit(first, held_out=0.0, **settings))
    known = np.isin(last.users, np.concatenate((first.users, middle.users)))
    still = rmse_of(live, last)
    prequential, per_second = stream(live, middle)
    both = RatingTable(*(np.concatenate(pair) for pair in zip(first, middle, strict=True)))
    refit = LiveRecommender(fit(both, held_out=0.0, **settings))
    best = rmse_of(refit, last)
    mean = float(both.stars.mean(dtype=np.float64))
    ids, at = np.unique(both.movies, return_inverse=True)
    means = dict(zip(ids.tolist(), np.bincount(at, both.stars) / np.bincount(at), strict=True))
    by_movie = np.array([means.get(movie, mean) for movie in last.movies.tolist()])
    rows = [
        ("mean of all", float(np.sqrt(np.mean((mean - last.stars) ** 2)))),
        ("mean of the movie", float(np.sqrt(np.mean((by_movie - last.stars) ** 2)))),
        ("fitted on 70 %, no stream", still),
        ("fitted on 70 %, 20 % streamed", rmse_of(live, last)),
        ("fitted on 90 %", best),
        ("prequential on the 20 %", prequential),
    ]
    found = [{"way": w, "rmse": round(r, 4), "to_refit": round(r / best, 4)} for w, r in rows]
    facts = {"way": "stream", "ratings_per_s": round(per_second)}
    held = {"way": "last 10 %", "ratings": len(known), "known_users": round(float(known.mean()), 3)}
    return [*found, *confidence(live, last), facts, held]


def confidence(live: LiveRecommender, rows: RatingTable) -> list[dict[str, Any]]:
    """Return the error of the pairs by their confidence, in thirds."""
    sure = live.confidence(rows.users, rows.movies)
    errors = (np.asarray(live.predict(rows.users.tolist(), rows.movies.tolist())) - rows.stars) ** 2
    found = []
    for part in np.array_split(np.argsort(sure, kind="stable"), 3):
        way = f"confidence {sure[part].min():.2f} to {sure[part].max():.2f}"
        found.append({"way": way, "rmse": round(float(np.sqrt(errors[part].mean())), 4)})
    return found


def speed(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    draw = np.random.default_rng(arguments.seed)
    count, users = 400_000, 3_000
    table = RatingTable.of(
        np.append(draw.integers(1, users + 1, count), np.full(MOVIES, users + 1)),
        np.append(draw.integers(1, MOVIES + 1, count), np.arange(1, MOVIES + 1)),
        draw.integers(1, 11, count + MOVIES) / 2,
        np.arange(count + MOVIES),
    )
    started = time.perf_counter()
    model = fit(table, held_out=0.0, factors=arguments.factors)
    refit_seconds = time.perf_counter() - started
    live = LiveRecommender(model)
    rated = np.sort(draw.choice(np.arange(1, MOVIES + 1), HISTORY, replace=False))
    moments = [mark_of(1_000_000 + at, int(draw.integers(1, 11))) for at in range(HISTORY)]
    histories = [
        History(10_000_000 - at, array("I", rated.tolist()), array("q", moments))
        for at in range(50)
    ]

    def update(turn: int) -> None:
        one = [histories[turn % len(histories)]]
        live.observe([int(rated[turn % HISTORY])], [7])
        live.fold_in(one)
        live.recommend(one, TOP)

    def naive(turn: int) -> None:
        history = histories[turn % len(histories)]
        factors = model.movies[:, :-1].astype(float)
        gram, sums = np.eye(model.factors) * 5.0, np.zeros(model.factors)
        for movie, mark in zip(history.movies, history.marks, strict=True):
            row = factors[movie - 1]
            gram += np.outer(row, row)
            sums += row * ((mark & 15) / 2 - model.mean - model.movies[movie - 1, -1])
        vector = np.linalg.solve(gram, sums)
        scores = {
            movie: model.mean + float(row[-1]) + float(vector @ row[:-1])
            for movie, row in zip(model.movie_ids.tolist(), model.movies, strict=True)
            if movie not in history.movies
        }
        sorted(scores.items(), key=lambda pair: -pair[1])[:TOP]

    chunk_users = draw.integers(1, users + 1, CHUNK).tolist()
    chunk_movies = draw.integers(1, MOVIES + 1, CHUNK).tolist()
    rows = [
        timed("update + top 10, one user", update, arguments.rounds),
        timed("the same in plain numpy", naive, max(10, arguments.rounds // 50)),
        timed(
            "predict 3,000 pairs",
            lambda turn: live.predict(chunk_users, chunk_movies),
            arguments.rounds,
        ),
        timed(
            "fold in 50 users",
            lambda turn: live.fold_in(histories),
            max(10, arguments.rounds // 10),
        ),
    ]
    return [*rows, {"way": "fit anew, 410,000 ratings", "p50_ms": round(refit_seconds * 1e3)}]


def timed(way: str, work: Callable[[int], object], rounds: int) -> dict[str, Any]:
    for turn in range(5):
        work(turn)
    times, own = np.zeros(rounds), np.zeros(rounds)
    for turn in range(rounds):
        started, began = time.perf_counter(), time.thread_time()
        work(turn)
        times[turn], own[turn] = time.perf_counter() - started, time.thread_time() - began
    p50, p99 = np.percentile(times * 1e3, (50, 99))
    figures = {"p50_ms": p50, "p99_ms": p99, "cpu_p99_ms": np.percentile(own * 1e3, 99)}
    return {"way": way, **{name: round(float(value), 3) for name, value in figures.items()}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ratings", help="a ratings.csv of MovieLens; else synthetic ratings")
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--users", type=int, default=6_000)
    parser.add_argument("--movies", type=int, default=4_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--factors", type=int, default=16)
    parser.add_argument("--regularisation", type=float, nargs=3, default=REGULARISATION)
    parser.add_argument("--split", choices=("time", "each"), default="time")
    parser.add_argument("--rounds", type=int, default=1_000, help="measurements of a speed")
    parser.add_argument("--only", nargs="+", choices=("quality", "speed"))
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    keep_to_one_blas_thread()
    parts = {"quality": quality, "speed": speed}
    found = {name: parts[name](arguments) for name in arguments.only or parts}
    if arguments.json:
        print(json.dumps(found))
        return
    for name, rows in found.items():
        print(f"\n{name}")
        for row in rows:
            rest = "  ".join(f"{key} {value}" for key, value in row.items() if key != "way")
            print(f"  {row['way']:32} {rest}")


if __name__ == "__main__":
    main()
