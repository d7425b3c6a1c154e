"""ONNX Runtime is imported with its telemetry off: it leaves no id of this machine behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.scorer
#: With these it would be off by itself.
OFF_BY_ITSELF = (
    "CI",
    "ORT_DISABLE_TELEMETRY",
    "ORT_RUNNING_UNIT_TESTS",
    "GITHUB_ACTIONS",
    "TF_BUILD",
)


def left_by(code: str, home: Path) -> list[Path]:
    """Return the files that an import leaves in a new home."""
    pytest.importorskip("onnxruntime")
    environment = {k: v for k, v in os.environ.items() if k not in OFF_BY_ITSELF}
    home.mkdir()
    subprocess.run(
        [sys.executable, "-c", code],
        env={**environment, "HOME": str(home), "XDG_CACHE_HOME": str(home / ".cache")},
        check=True,
    )
    return [path for path in home.rglob("*") if path.is_file()]


def test_the_import_leaves_nothing_in_the_home(tmp_path: Path) -> None:
    ours = "from app.adapters.scorer.quiet_onnx import import_onnxruntime as i; i()"
    assert left_by(ours, tmp_path / "ours") == []


def test_nothing_else_of_ours_imports_it() -> None:
    here = Path(__file__).parents[3] / "app"
    found = [
        path.name
        for path in here.rglob("*.py")
        if "import onnxruntime" in path.read_text(encoding="utf-8")
    ]
    assert found == ["quiet_onnx.py"]
