"""`ratings verify` on the embedded log: a checklist, and nothing left behind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.cli.main import main
from tests.cli.ratings_command import RatingsCommand, ratings_command


@pytest.fixture
def ratings(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[RatingsCommand]:
    with ratings_command(capfd, monkeypatch, DATA_DIR=str(tmp_path / "data")) as command:
        yield command


def test_topics_that_are_not_there_fail_and_nothing_is_made(
    ratings: RatingsCommand, tmp_path: Path
) -> None:
    found = ratings.json("verify", "--count", "200", code=1)
    failed = {each["name"]: each["mend"] for each in found["checks"] if not each["ok"]}
    assert failed == dict.fromkeys(
        ("topic ratings", "topic metrics", "topic recommendations"), "answerloop topics create"
    )
    assert len(found["checks"]) == 11
    assert not (tmp_path / "data").exists()


def test_with_the_topics_all_is_well(
    ratings: RatingsCommand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    with pytest.raises(SystemExit):
        main(["topics", "create"])
    code, out, errors = ratings("verify", "--count", "200")
    assert (code, errors) == (0, "")
    assert "FAILED" not in out
    assert out.count(" ok ") == 11
    assert not Path("data").exists()
