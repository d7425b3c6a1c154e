"""`faust -A app.worker ...` lists everything, and a broken module is an error."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def faust(*arguments: str, cwd: Path, root: Path = ROOT, **settings: str) -> tuple[int, str, str]:
    environment = {**os.environ, "PYTHONPATH": str(root), **settings}
    command = [sys.executable, "-m", "faust", "-A", "app.worker", *arguments]
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    return done.returncode, done.stdout, done.stderr


def test_agents_tables_and_models_are_listed(tmp_path: Path) -> None:
    code, agents, errors = faust("agents", cwd=tmp_path)
    assert code == 0, errors
    for stage in ("admit", "ask", "route", "hold", "judge", "persist"):
        assert f"| @{stage} " in agents
    assert "questions-pending, questions-settled" in agents
    _, tables, _ = faust("tables", cwd=tmp_path)
    assert "generations" in tables
    assert "retries" in tables
    _, models, _ = faust("models", cwd=tmp_path)
    for record in ("Question", "LlmRequest", "LlmAnswer", "LlmFailure", "ScoredAnswer"):
        assert f"answerloop.{record}" in models


def test_a_broken_agent_module_is_an_error(tmp_path: Path) -> None:
    for package in ("app", "agents", "tables", "models"):
        shutil.copytree(ROOT / package, tmp_path / package)
    (tmp_path / "agents" / "questions" / "judge.py").write_text("raise RuntimeError('broken')\n")
    code, _, errors = faust("agents", cwd=tmp_path, root=tmp_path)
    assert code != 0
    assert "broken" in errors


def test_a_bad_setting_is_one_clear_line(tmp_path: Path) -> None:
    code, _, errors = faust("agents", cwd=tmp_path, ANSWERLOOP_BROKER="rabbit://x")
    assert code == 2
    assert errors.strip().count("\n") == 0
    assert "ANSWERLOOP_BROKER" in errors
    assert "kafka://" in errors
