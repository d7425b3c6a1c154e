"""Two commits checked out side by side, and the proof that a run imports the code of one of them.

The packages are installed in the environment as editable, from the main checkout: a process has to
be made to import those of a worktree instead. It runs in the worktree with PYTHONPATH set to it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.running import BenchError, run_json

#: What a bench imports of the repository.
PACKAGES = ("app", "agents", "tables", "models", "bench", "tests")
#: What downloads once and for all: Kafka's jars.
_KEPT = ".cache"
#: What would put other folders first, or keep PYTHONPATH out.
_PYTHON = ("PYTHONPATH", "PYTHONSAFEPATH", "PYTHONSTARTUP", "PYTHONHOME")
_PROBE = """\
import importlib, json, sys
found = {}
for name in sys.argv[1:]:
    module = importlib.import_module(name)
    found[name] = list(module.__path__)
print(json.dumps(found))
"""


class GitError(Exception):
    """What git said when it could not do what it was told."""


def git(repository: Path, *arguments: str) -> str:
    """Run git in a repository; return its output. Raises GitError with its own words."""
    done = subprocess.run(
        ["git", "-C", str(repository), *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise GitError(f"git {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout.strip()


def resolve(repository: Path, revision: str) -> str:
    """Return the full name of a commit. Raises GitError where there is no such commit."""
    wanted = f"{revision}^{{commit}}"
    try:
        return git(repository, "rev-parse", "--verify", "--quiet", "--end-of-options", wanted)
    except GitError:
        raise GitError(f"{revision!r} is no commit, branch or tag of {repository}") from None


@contextmanager
def worktrees(repository: Path, *commits: str) -> Iterator[list[Path]]:
    """Check the commits out in a temporary folder; all is removed at the end, however it comes."""
    folder = Path(tempfile.mkdtemp(prefix="answerloop-compare-")).resolve()
    folder.chmod(0o755)  # PostgreSQL, when root starts it, is another user
    trees = [folder / f"{n}-{commit[:10]}" for n, commit in enumerate(commits)]
    try:
        for tree, commit in zip(trees, commits, strict=True):
            git(repository, "worktree", "add", "--quiet", "--detach", str(tree), commit)
            if (kept := repository / _KEPT).exists() and not (tree / _KEPT).exists():
                (tree / _KEPT).symlink_to(kept.resolve(), target_is_directory=True)
        yield trees
    finally:
        for tree in trees:
            subprocess.run(
                ["git", "-C", str(repository), "worktree", "remove", "--force", str(tree)],
                capture_output=True,
                check=False,
            )
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run(
            ["git", "-C", str(repository), "worktree", "prune"], capture_output=True, check=False
        )


def environment_of(tree: Path) -> dict[str, str]:
    """Return the environment in which a process imports the code of a worktree, and no other."""
    kept = {name: value for name, value in os.environ.items() if name not in _PYTHON}
    return {**kept, "PYTHONPATH": str(tree)}


def compile_modules(tree: Path) -> None:
    """Compile all modules of a worktree: the first run is to be as quick as the others."""
    here = [name for name in PACKAGES if (tree / name).is_dir()]
    subprocess.run(
        [sys.executable, "-m", "compileall", "-q", *here],
        cwd=tree,
        check=False,
        capture_output=True,
    )


def check_imports(tree: Path, packages: tuple[str, ...] = PACKAGES) -> None:
    """Raise BenchError unless a process of that worktree imports each package from it alone."""
    found = run_json(["-c", _PROBE, *packages], 120, folder=tree, environment=environment_of(tree))
    for name, places in found.items():
        if [Path(place).resolve() for place in places] != [tree.resolve() / name]:
            raise BenchError(f"{name} would be imported from {places}, not from {tree}")
