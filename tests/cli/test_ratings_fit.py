"""`ratings fit`: from the topic or a file to a model that is better than the means."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.ratings.synthetic import synthetic_ratings
from app.recommender import opening
from app.recommender.model_file import model_files, read_model
from tests.cli.ratings_command import RatingsCommand, ratings_command

SMALL = ("--factors", "4", "--epochs", "3")


@pytest.fixture
def ratings(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[RatingsCommand]:
    with ratings_command(capfd, monkeypatch, DATA_DIR=str(tmp_path / "data")) as command:
        yield command


def write_file(path: Path, count: int) -> None:
    rows = synthetic_ratings(
        count, seed=1, users=150, movies=100, start_ms=1_000_000_000_000, per_second=1
    )
    lines = "".join(f"{u},{m},{r},{t // 1000}\n" for u, m, r, t in rows)
    path.write_bytes(
        gzip.compress(f"userId,movieId,rating,timestamp\n{lines}0,1,3,1000000000\n".encode())
    )


def test_a_file_becomes_a_model_that_workers_find(ratings: RatingsCommand, tmp_path: Path) -> None:
    write_file(tmp_path / "ratings.csv.gz", 8000)
    found = ratings.json("fit", "--file", str(tmp_path / "ratings.csv.gz"), *SMALL)
    assert found["rejected"] == {"user_id": 1}
    assert (found["users"], found["movies"], found["factors"]) == (150, 100, 4)
    assert found["rmse"]["model"] < found["rmse"]["movie_mean"] < found["rmse"]["mean"]
    [path] = model_files(tmp_path / "data" / "models")
    assert path == Path(found["path"])
    assert read_model(path).version == found["version"]


def test_the_topic_is_read_whole_and_only_valid_ratings_count(
    ratings: RatingsCommand, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ANSWERLOOP_RATING_MODEL_DIR", str(tmp_path / "elsewhere"))
    sent = ratings.json("produce", "--count", "3000", "--users", "50", "--bad", "0.1")
    found = ratings.json("fit", *SMALL, "--regularisation", "5", "--seed", "4")
    assert found["rejected"] == sent["expected"]["rejected"]
    assert found["ratings"] <= sent["expected"]["valid"]
    assert (found["seed"], found["regularisation"]) == (4, 5.0)
    assert model_files(tmp_path / "elsewhere") == [Path(found["path"])]
    code, out, _ = ratings("fit", *SMALL)
    assert code == 0
    assert all(words in out for words in ("error (RMSE)", "by movie means", "left out"))


def test_too_few_ratings_are_said_with_what_to_do(ratings: RatingsCommand, tmp_path: Path) -> None:
    ratings.json("produce", "--count", "60", "--bad", "0.1")
    errors = ratings.fails("fit", code=2)
    assert "too few ratings" in errors
    assert "answerloop ratings produce" in errors
    write_file(tmp_path / "few.csv", 20)
    errors = ratings.fails("fit", "--file", str(tmp_path / "few.csv"), code=2)
    assert "holds 20 valid ones, and 1 that break a rule" in errors


def test_a_missing_extra_is_named_before_anything_is_read(
    ratings: RatingsCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "missing_packages", lambda: ["safetensors"])
    errors = ratings.fails("fit", code=2)
    assert "safetensors" in errors
    assert "answerloop[recommender]" in errors
