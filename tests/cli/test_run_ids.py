"""The id of a `run --fresh` over a file: kept while it is unfinished, and known afterwards."""

from __future__ import annotations

import json
from pathlib import Path

from app.cli.run_ids import finish_run, last_run_id, run_id_for
from app.settings import load_settings


def test_an_interrupted_run_keeps_its_id_and_a_complete_one_stays_known(tmp_path: Path) -> None:
    settings, file = load_settings(data_dir=tmp_path), tmp_path / "q.csv"
    assert last_run_id(settings, file) is None
    first = run_id_for(settings, file)
    assert run_id_for(settings, file) == last_run_id(settings, file) == first
    finish_run(settings, file, first)
    assert last_run_id(settings, file) == first
    second = run_id_for(settings, file)
    assert second != first
    assert last_run_id(settings, file) == run_id_for(settings, file) == second
    assert last_run_id(settings, tmp_path / "other.csv") is None


def test_a_note_of_an_older_version_is_an_unfinished_run(tmp_path: Path) -> None:
    settings, file = load_settings(data_dir=tmp_path), tmp_path / "q.csv"
    run_id_for(settings, file)
    (note,) = (tmp_path / "runs").iterdir()
    note.write_text(json.dumps({"run_id": "old", "file": str(file)}))
    assert run_id_for(settings, file) == last_run_id(settings, file) == "old"
    note.write_text("[]")
    assert last_run_id(settings, file) is None
    assert run_id_for(settings, file) != "old"
