"""What lies in DATA_DIR is for its owner alone, and no link in it is followed."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from app.data_dir.engine_file import (
    engine_file,
    remove_engine_file,
    running_engine,
    write_engine_file,
)
from app.data_dir.private_files import make_data_dir, open_private, read_private, write_private
from app.errors import SettingsError
from app.settings import load_settings
from app.transports.embedded.sqlite import SqliteStorage


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


@pytest.fixture(autouse=True)
def _open_umask() -> object:
    """The worst that a user may have set: everything open."""
    before = os.umask(0)
    yield
    os.umask(before)


def test_a_new_data_dir_is_closed_and_an_old_one_stays_as_it_is(tmp_path: Path) -> None:
    fresh, old = tmp_path / "a" / "fresh", tmp_path / "old"
    old.mkdir(mode=0o755)
    for folder in (fresh, old):
        make_data_dir(folder)
    assert mode(fresh) == (0o711 if os.geteuid() == 0 else 0o700)
    assert mode(old) == 0o755


def test_a_file_in_place_of_a_folder_is_said_in_words(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("not ours")
    with pytest.raises(SettingsError, match=r"/log can't be made .File exists.: move away") as said:
        SqliteStorage(tmp_path / "log")
    assert said.value.name == "ANSWERLOOP_DATA_DIR"
    with pytest.raises(SettingsError, match="can't be made"):
        make_data_dir(tmp_path / "log" / "deeper")


def test_the_engine_file_is_0600_and_whole(tmp_path: Path) -> None:
    settings = load_settings(data_dir=tmp_path / "data")
    write_engine_file(settings, "http://127.0.0.1:1")
    assert mode(engine_file(settings)) == 0o600
    assert [each.name for each in settings.data_dir.iterdir()] == ["engine.json"]
    remove_engine_file(settings)
    assert not engine_file(settings).exists()


def test_a_link_in_place_of_the_engine_file_is_replaced_never_written_through(
    tmp_path: Path,
) -> None:
    settings = load_settings(data_dir=tmp_path)
    victim = tmp_path / "victim"
    victim.write_text("precious")
    engine_file(settings).symlink_to(victim)
    assert running_engine(settings) is None
    write_engine_file(settings, "http://127.0.0.1:1")
    assert victim.read_text() == "precious"
    assert not engine_file(settings).is_symlink()


def test_an_engine_file_behind_a_link_or_in_a_pipe_is_not_believed(tmp_path: Path) -> None:
    settings = load_settings(data_dir=tmp_path)
    forged = tmp_path / "forged.json"
    forged.write_text(json.dumps({"pid": os.getppid(), "url": "http://evil.example"}))
    engine_file(settings).symlink_to(forged)
    assert running_engine(settings) is None
    engine_file(settings).unlink()
    os.mkfifo(engine_file(settings))
    assert running_engine(settings) is None, "and it does not wait for a writer"


@pytest.mark.skipif(os.geteuid() != 0, reason="gives a file to somebody else")
def test_an_engine_file_of_another_user_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "engine.json"
    write_private(path, "{}")
    assert read_private(path) == "{}"
    os.chown(path, 65534, 65534)
    with pytest.raises(PermissionError):
        read_private(path)


def test_a_lock_file_is_never_opened_through_a_link(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "lock").symlink_to(victim)
    with pytest.raises(SettingsError, match="symbolic link"):
        open_private(tmp_path / "lock")
    assert victim.read_text() == "precious"


def test_the_embedded_log_is_closed(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "log"
    SqliteStorage(folder).close()
    assert mode(folder) == 0o700
    assert not mode(folder / "lock") & 0o077 if (folder / "lock").exists() else True
