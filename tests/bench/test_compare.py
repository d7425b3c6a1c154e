"""Two commits compared: each run imports its own worktree's code, and nothing is left behind."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from bench.catalogue import Bench
from bench.compare import main
from bench.figures import Figure
from bench.running import ROOT, BenchError, run_json
from bench.worktrees import PACKAGES, check_imports, environment_of, git, worktrees

#: Prints the seconds that the imported `app` claims to take, and where it lies.
_TINY = """\
import json, subprocess, sys
import app
where = "import app; print(app.__file__)"
child = subprocess.run([sys.executable, "-c", where], capture_output=True, text=True, cwd="/")
print(json.dumps({"seconds": app.SECONDS, "bench": 1, "file": app.__file__, "child": child.stdout}))
"""


def read(found: dict[str, Any]) -> list[Figure]:
    assert found["child"].strip() == found["file"], "a process of the bench imports the same"
    assert f"{os.sep}answerloop-compare-" in found["file"]
    version = f"bench {found['bench']}"
    return [Figure("time", "a time", found["seconds"], "s", "lower", version)]


TINY = Bench("tiny", "a bench of this test", read, quick_about_seconds=1)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with two commits, the second of which takes half as long again."""
    repository = tmp_path / "repository"
    for name in PACKAGES:
        (repository / name).mkdir(parents=True)
        (repository / name / "__init__.py").write_text("")
    (repository / "bench" / "tiny.py").write_text(_TINY)
    git(repository, "init", "--quiet")
    for seconds in (2.0, 3.0):
        (repository / "app" / "__init__.py").write_text(f"SECONDS = {seconds}\n")
        commit(repository, f"takes {seconds} s")
    return repository


def commit(repository: Path, words: str) -> None:
    who = ("-c", "user.name=test", "-c", "user.email=test@localhost", "-c", "commit.gpgsign=false")
    git(repository, "add", ".")
    git(repository, *who, "commit", "--quiet", "-m", words)


def nothing_is_left(repository: Path) -> bool:
    return len(git(repository, "worktree", "list").splitlines()) == 1


def compare(repository: Path, *arguments: str) -> int:
    return main(("HEAD~1", *arguments), repository, [TINY])


def test_a_slower_commit_is_shown_and_fails(
    repository: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert compare(repository, "--repeats", "4", "--json") == 1
    found = json.loads(capfdbinary.readouterr().out)
    [row] = found["differences"]
    assert (row["base"], row["head"], row["verdict"], row["beyond"]) == (2.0, 3.0, "slower", True)
    assert row["ratio"] == pytest.approx(1.5)
    assert nothing_is_left(repository)


def test_within_the_tolerance_it_does_not_fail_and_the_table_says_so(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert compare(repository, "--repeats", "4", "--tolerance", "0.6") == 0
    shown = capsys.readouterr().out
    assert "slower" in shown
    assert "beyond" not in shown


def test_the_bench_is_heads_on_both_sides_unless_each_has_its_own(
    repository: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    (repository / "bench" / "tiny.py").write_text(_TINY.replace('"bench": 1', '"bench": 2'))
    commit(repository, "another bench")
    compare(repository, "--repeats", "1", "--json")
    [row] = json.loads(capfdbinary.readouterr().out)["differences"]
    assert row["name"] == "a time, bench 2"
    compare(repository, "--repeats", "1", "--json", "--own-bench")
    assert json.loads(capfdbinary.readouterr().out)["differences"] == [], "they have none in common"


def test_a_bench_that_fails_leaves_nothing_and_says_whose_it_was(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (repository / "app" / "__init__.py").write_text("raise RuntimeError('no such thing')\n")
    commit(repository, "broken")
    assert compare(repository) == 1
    assert "no such thing" in capsys.readouterr().err
    assert nothing_is_left(repository)


def test_a_commit_that_is_not_there_is_a_usage_error(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(("nowhere",), repository, [TINY]) == 2
    assert "nowhere" in capsys.readouterr().err
    assert nothing_is_left(repository)


def test_code_of_the_installed_checkout_is_found_out(repository: Path) -> None:
    git(repository, "rm", "-r", "--quiet", "tables")
    commit(repository, "without tables")
    with (
        worktrees(repository, git(repository, "rev-parse", "HEAD")) as [tree],
        pytest.raises(BenchError, match="tables"),
    ):
        check_imports(tree)


def test_the_products_own_packages_are_imported_from_the_worktree(tmp_path: Path) -> None:
    for name in ("app", "agents", "tables", "models", "bench"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    names = ("app.factory", "agents.questions.ask", "tables", "models.questions", "bench.scorer")
    script = (
        "import importlib, json, sys; modules = map(importlib.import_module, sys.argv[1:]);"
        "print(json.dumps({each.__name__: each.__file__ for each in modules}))"
    )
    variables = environment_of(tmp_path)
    found = run_json(["-c", script, *names], 120, folder=tmp_path, environment=variables)
    assert found.keys() == set(names)
    assert all(Path(file).is_relative_to(tmp_path) for file in found.values()), found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_the_bench_and_removes_the_worktrees(
    repository: Path, tmp_path: Path, number: signal.Signals
) -> None:
    begun, temporary = tmp_path / "begun", tmp_path / "temporary"
    temporary.mkdir()
    slow = f"import os, pathlib, time\npathlib.Path({str(begun)!r}).write_text(str(os.getpid()))\n"
    (repository / "bench" / "tiny.py").write_text(slow + "time.sleep(600)\n")
    commit(repository, "slow")
    script = (
        "import sys; from pathlib import Path; from tests.bench.test_compare import TINY;"
        "from bench.compare import main; sys.exit(main(('HEAD',), Path(sys.argv[1]), [TINY]))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(repository)],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(temporary)},
    )
    try:
        end = time.monotonic() + 60
        while not (begun.exists() and begun.read_text()):
            assert process.poll() is None
            assert time.monotonic() < end
            time.sleep(0.02)
        process.send_signal(number)
        assert process.wait(60) == 130
    finally:
        process.kill()
        process.wait()
    assert nothing_is_left(repository)
    assert not list(temporary.glob("answerloop-compare-*"))
    with pytest.raises(ProcessLookupError):
        os.kill(int(begun.read_text()), 0)
