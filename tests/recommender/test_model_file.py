"""A model file is whole, ours, of this format and sound, or it is refused and the old one stays."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from app.recommender.live import LiveRecommender
from app.recommender.model import RatingModel
from app.recommender.model_file import BrokenModel, model_files, read_model, write_model
from app.recommender.model_folder import ModelFolder
from tests.recommender.broken_files import BROKEN, cut, metadata_of, one_bit_flipped
from tests.recommender.ratings import small_model


def later(seconds: int) -> RatingModel:
    """Return the model under a later version."""
    model = small_model()
    return replace(model, facts=replace(model.facts, version=f"20300101T00000{seconds}.000Z"))


def test_what_is_written_is_read(tmp_path: Path) -> None:
    model = small_model()
    found = read_model(write_model(tmp_path, model))
    assert found.facts == model.facts
    assert found.mean == model.mean
    for field in fields(RatingModel):
        if field.name not in {"facts", "mean", "penalty"}:
            ours, theirs = getattr(found, field.name), getattr(model, field.name)
            assert ours.dtype == theirs.dtype
            assert np.array_equal(ours, theirs)
    assert found.facts.rmse is not None
    assert 0 < found.facts.rmse.model < found.facts.rmse.movie_mean < found.facts.rmse.mean


def test_a_file_is_for_us_alone_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    folder = tmp_path / "models"
    path = write_model(folder, small_model())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [entry.name for entry in folder.iterdir()] == [path.name]


def test_a_write_that_fails_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        write_model(tmp_path, small_model())
    assert not list(tmp_path.iterdir())


def test_the_newest_version_is_the_first_whatever_else_lies_there(tmp_path: Path) -> None:
    assert model_files(tmp_path / "missing") == []
    newer = write_model(tmp_path, later(1))
    older = write_model(tmp_path, small_model())
    (tmp_path / ".ratings-20990101T000000.000Z.safetensors.1.part").touch()
    (tmp_path / "ratings-x.pickle").touch()
    assert model_files(tmp_path) == [newer, older]


@pytest.mark.parametrize("breaking", BROKEN, ids=lambda breaking: breaking.__name__)
def test_a_broken_file_is_refused_with_a_reason(
    tmp_path: Path, breaking: Callable[[Path], None]
) -> None:
    breaking(write_model(tmp_path, small_model()))
    [path] = model_files(tmp_path)
    with pytest.raises(BrokenModel) as caught:
        read_model(path)
    assert str(path) in str(caught.value)
    assert BROKEN[breaking] in str(caught.value)


def test_a_broken_newer_file_leaves_the_old_model_and_is_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_model(tmp_path, small_model())
    folder = ModelFolder(tmp_path)
    live = LiveRecommender(folder.first(), folder.newer)
    one_bit_flipped(write_model(tmp_path, later(1)))
    before = live.predict([1, 2], [3, 4])
    assert not live.reload()
    folder.wait(30)
    monkeypatch.setattr("app.recommender.model_folder.read_model", lambda _: pytest.fail("read"))
    for _ in range(3):
        assert not live.reload()
        folder.wait(30)
    assert live.version == small_model().version
    assert live.predict([1, 2], [3, 4]) == before


def test_a_broken_file_hides_no_older_one_at_a_start(tmp_path: Path) -> None:
    write_model(tmp_path, small_model())
    cut(write_model(tmp_path, later(1)))
    one_bit_flipped(write_model(tmp_path, later(2)))
    found = ModelFolder(tmp_path).first()
    assert found is not None
    assert found.version == small_model().version


def test_a_broken_file_hides_no_fit_that_comes_after_it(tmp_path: Path) -> None:
    write_model(tmp_path, small_model())
    folder = ModelFolder(tmp_path)
    live = LiveRecommender(folder.first(), folder.newer)
    cut(write_model(tmp_path, later(2)))
    assert not live.reload()
    folder.wait(30)
    assert not live.reload()
    write_model(tmp_path, later(1))
    assert not live.reload()
    folder.wait(30)
    assert live.reload()
    assert live.version == later(1).version


def test_a_file_that_is_removed_leaves_its_model_and_brings_no_older_one_back(
    tmp_path: Path,
) -> None:
    write_model(tmp_path, small_model())
    newest = write_model(tmp_path, later(1))
    folder = ModelFolder(tmp_path)
    live = LiveRecommender(folder.first(), folder.newer)
    newest.unlink()
    for _ in range(2):
        assert not live.reload()
        folder.wait(30)
    assert live.version == later(1).version
    found = ModelFolder(tmp_path).first()
    assert found is not None
    assert found.version == small_model().version


def test_a_newer_file_is_taken_up_once_it_is_read(tmp_path: Path) -> None:
    folder = ModelFolder(tmp_path)
    live = LiveRecommender(folder.first(), folder.newer)
    assert (live.version, live.reload()) == ("means", False)
    for model in (small_model(), later(1)):
        write_model(tmp_path, model)
        assert not live.reload()
        folder.wait(30)
        assert live.reload()
        assert live.version == model.version
        assert not live.reload()


def test_a_mended_file_is_taken_up(tmp_path: Path) -> None:
    path = write_model(tmp_path, small_model())
    content = path.read_bytes()
    cut(path)
    folder = ModelFolder(tmp_path)
    assert folder.first() is None
    assert folder.newer() is None
    path.write_bytes(content)
    assert folder.newer() is None
    folder.wait(30)
    assert folder.newer() is not None


def test_a_folder_that_vanishes_leaves_the_model(tmp_path: Path) -> None:
    path = write_model(tmp_path / "models", small_model())
    folder = ModelFolder(tmp_path / "models")
    live = LiveRecommender(folder.first(), folder.newer)
    path.unlink()
    assert not live.reload()
    path.parent.rmdir()
    assert not live.reload()
    assert live.version == small_model().version


def test_the_same_fit_gives_the_same_checksum_in_another_process(tmp_path: Path) -> None:
    script = (
        "from pathlib import Path; from app.recommender.model_file import write_model;"
        "from tests.recommender.ratings import small_model;"
        "import sys; write_model(Path(sys.argv[1]), small_model())"
    )
    for name in ("a", "b"):
        subprocess.run([sys.executable, "-c", script, str(tmp_path / name)], check=True)
    [first], [second] = (model_files(tmp_path / name) for name in ("a", "b"))
    assert metadata_of(first) == metadata_of(second)
