"""Folders of graphs that can't be read or written: the scorer goes without, and says so."""

from __future__ import annotations

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from app.adapters.scorer import onnx_encoder


def test_what_is_not_there_yet_is_no_event(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with capture_logs() as lines:
        assert onnx_encoder._read(tmp_path / "encoders" / "x.onnx") is None
        assert onnx_encoder._read(tmp_path / "file" / "encoders" / "x.onnx") is None
    assert not lines


def test_a_folder_that_may_not_be_looked_into_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(path: Path, **_: object) -> None:  # root may look everywhere
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "stat", denied)
    with capture_logs() as lines:
        assert onnx_encoder._read(tmp_path / "x.onnx") is None
    assert [line["event"] for line in lines] == ["scorer_graph_unreadable"]


def test_a_folder_that_can_not_be_made_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with capture_logs() as lines:
        onnx_encoder._write(tmp_path / "file" / "encoders" / "x.onnx", b"graph")
    assert [line["event"] for line in lines] == ["scorer_graph_not_kept"]
    assert "can't be made" in lines[0]["why"]
