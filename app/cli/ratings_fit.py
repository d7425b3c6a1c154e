"""`answerloop ratings fit`: trains the recommender; the model goes where workers look for it."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.cli.output import json_option, print_json, print_table, stderr
from app.cli.ranges import NumberRange
from app.loop import run as run_loop
from app.settings import Settings, load_settings

if TYPE_CHECKING:
    from app.ratings.gathering import Gathered
    from app.recommender.model import RatingModel

#: Fewer tell a model nothing.
LEAST_RATINGS = 100


@click.command(short_help="Train the recommender on the topic, or on a file")
@click.option(
    "--file",
    type=click.Path(path_type=Path),
    help="A MovieLens ratings.csv, or .csv.gz, in place of the topic.",
)
@click.option(
    "--factors", type=click.IntRange(1, 512), help="Numbers for each user and movie (16)."
)
@click.option("--epochs", type=click.IntRange(1, 1000), help="Rounds of fitting (10).")
@click.option(
    "--regularisation",
    type=NumberRange(min=0, min_open=True),
    metavar="X",
    help="How near to the average users and movies with few ratings stay (5).",
)
@click.option("--seed", type=click.IntRange(min=0), default=1, help="Of the start (1).")
@json_option
def fit(
    file: Path | None,
    factors: int | None,
    epochs: int | None,
    regularisation: float | None,
    seed: int,
    as_json: bool,
) -> None:
    """Train a model on all ratings of the topic, or of a file, and save it in RATING_MODEL_DIR.

    Each user's last ratings are kept back first, and predicted: the error is shown beside that of
    the means. A worker that runs takes the new model up by itself.

    \b
    answerloop ratings fit
    answerloop ratings fit --file ml-latest-small/ratings.csv --factors 32 --json
    """
    from app.recommender.opening import require_fitting

    require_fitting()
    settings = load_settings()
    started = time.monotonic()
    gathered = _gather(settings, file)
    _refuse_too_few(gathered, file)
    chosen = {"factors": factors, "epochs": epochs, "regularisation": regularisation}
    given = {name: value for name, value in chosen.items() if value is not None}
    model = _fit(gathered, seed, given)

    from app.recommender.model_file import write_model

    path = write_model(settings.model_folder, model)
    source = str(file) if file is not None else "the topic"
    row = _row(model, path, source, gathered.rejected, time.monotonic() - started)
    print_json(row) if as_json else _print_summary(row)


def _gather(settings: Settings, file: Path | None) -> Gathered:
    from app.cli.ratings_progress import LiveCount
    from app.core.ratings.events import RatingLimits
    from app.ratings.gathering import gather_file, gather_topic
    from app.ratings.movielens import estimate_rows
    from app.topics import rating_topic_names

    limits = RatingLimits(settings.rating_max_user_id, settings.rating_max_movie_id)
    expected = estimate_rows(file) if file is not None else None
    with LiveCount(stderr(), "reading", expected) as live:
        if file is not None:
            return gather_file(file, limits, live.show)
        topic = rating_topic_names(settings).ratings
        return run_loop(gather_topic(settings, topic, limits, live.show))


def _refuse_too_few(gathered: Gathered, file: Path | None) -> None:
    from app.errors import InputError

    if len(gathered) >= LEAST_RATINGS:
        return
    rejected = sum(gathered.rejected.values())
    left_out = f", and {rejected} that break a rule" if rejected else ""
    where, mend = "the topic holds", "answerloop ratings produce --count 100000 makes some"
    if file is not None:
        where, mend = f"{file} holds", "give a file with more"
    raise InputError(
        f"too few ratings to train on: {where} {len(gathered)} valid ones{left_out}, "
        f"and {LEAST_RATINGS} are the least; {mend}"
    )


def _fit(gathered: Gathered, seed: int, given: dict[str, Any]) -> RatingModel:
    from app.cli.ratings_progress import LiveSteps
    from app.recommender.fitting import fit as fit_model
    from app.recommender.table import RatingTable

    table = RatingTable.of(gathered.users, gathered.movies, gathered.stars, gathered.timestamps)
    with LiveSteps(stderr()) as live:
        return fit_model(table, seed=seed, progress=live.show, **given)


def _row(
    model: RatingModel, path: Path, source: str, rejected: Counter[str], seconds: float
) -> dict[str, Any]:
    facts, rmse = model.facts, model.facts.rmse
    return {
        "version": model.version,
        "path": str(path),
        "source": source,
        "ratings": facts.ratings,
        "rejected": dict(rejected),
        "users": len(model.user_ids),
        "movies": len(model.movie_ids),
        "factors": model.factors,
        "epochs": facts.epochs,
        "regularisation": facts.regularisation.factors,
        "seed": facts.seed,
        "rmse": None
        if rmse is None
        else {
            "model": round(rmse.model, 4),
            "movie_mean": round(rmse.movie_mean, 4),
            "mean": round(rmse.mean, 4),
            "held_out": rmse.ratings,
        },
        "seconds": round(seconds, 2),
    }


def _print_summary(row: dict[str, Any]) -> None:
    rejected = ", ".join(f"{rule} {n:,}" for rule, n in row["rejected"].items())
    rmse = row["rmse"]
    lines = [
        ("model", row["version"], row["path"]),
        (
            "ratings",
            f"{row['ratings']:,}",
            f"the newest of each user and movie, of {row['source']}",
        ),
        ("left out", f"{sum(row['rejected'].values()):,}", rejected),
        ("users", f"{row['users']:,}", f"{row['movies']:,} movies"),
        ("fitted", f"{row['factors']} factors", f"{row['epochs']} epochs, {row['seconds']} s"),
    ]
    if rmse is None:
        lines.append(("error", "-", "no user has ten ratings: nothing could be held out"))
    else:
        lines += [
            (
                "error (RMSE)",
                f"{rmse['model']:.4f}",
                f"stars, on {rmse['held_out']:,} held-out ratings",
            ),
            ("by movie means", f"{rmse['movie_mean']:.4f}", ""),
            ("by the mean", f"{rmse['mean']:.4f}", ""),
        ]
    print_table(None, ("recommender", "", ""), lines)
