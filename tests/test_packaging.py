"""The wheel, made of the sdist, holds every file of the packages and runs without the checkout."""

from __future__ import annotations

import asyncio
import csv
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest

from app import __version__
from app.fake_llm import FakeModelServer
from tests.docs.pages import ROOT

PACKAGES = ("app", "agents", "tables", "models")
#: Files of an sdist beside its packages and their configuration.
BESIDE = ("README.md", "LICENSE", "CHANGELOG.md", "MANIFEST.in")
BACKEND = "from setuptools import build_meta as b; import sys; b.build_{}(sys.argv[1])"


def build(kind: str, source: Path, out: Path) -> None:
    """Run a hook of the build backend, as pip does, in a folder of sources."""
    command = [sys.executable, "-c", BACKEND.format(kind), str(out)]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def files_of_the_packages() -> set[str]:
    return set(checked_out(*PACKAGES))


def checked_out(*paths: str) -> list[str]:
    """Name the files that git knows, or would add, and that are there."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *paths]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    copy = folder / "checkout"
    copy.mkdir()
    for name in checked_out(*PACKAGES, "*.cfg", "*.toml", *BESIDE, "tests/test_packaging.py"):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).write_bytes((ROOT / name).read_bytes())
    build("sdist", copy, folder)
    [sdist] = folder.glob("answerloop-*.tar.gz")
    with tarfile.open(sdist) as packed:
        inside = {name.partition("/")[2] for name in packed.getnames()}
        assert inside >= set(BESIDE)
        assert not [name for name in inside if name.startswith("tests")]
        packed.extractall(folder / "unpacked", filter="data")
    [source] = (folder / "unpacked").iterdir()
    build("wheel", source, folder)
    [made] = folder.glob("answerloop-*.whl")
    return made


def test_nothing_of_the_packages_is_left_out_and_nothing_else_is_in_it(wheel: Path) -> None:
    inside = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert inside == files_of_the_packages()


def test_its_metadata_say_what_it_is_and_where_it_runs(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as packed:
        [metadata] = [name for name in packed.namelist() if name.endswith(".dist-info/METADATA")]
        said = message_from_bytes(packed.read(metadata))
        [license_file] = [name for name in packed.namelist() if name.endswith("/LICENSE")]
        assert packed.read(license_file) == (ROOT / "LICENSE").read_bytes()
        assert "app/py.typed" in packed.namelist()
    assert said["Version"] == __version__
    assert said["License-Expression"] == "Apache-2.0"
    assert said["Requires-Python"] == ">=3.11"
    assert said["Description-Content-Type"] == "text/markdown"
    assert str(said.get_payload()).startswith("# ")
    classifiers = said.get_all("Classifier", [])
    for version in ("3.11", "3.12", "3.13"):
        assert f"Programming Language :: Python :: {version}" in classifiers
    assert "Typing :: Typed" in classifiers


def test_the_extra_for_tests_brings_what_the_lock_has_for_them(wheel: Path) -> None:
    text = (ROOT / "requirements.in").read_text(encoding="utf-8")
    _, _, wanted = text.partition("# tests and checks\n")
    names = set(re.findall(r"^[\w-]+", wanted, re.MULTILINE)) - {"setuptools", "wheel"}
    with zipfile.ZipFile(wheel) as packed:
        [metadata] = [name for name in packed.namelist() if name.endswith(".dist-info/METADATA")]
        needs = message_from_bytes(packed.read(metadata)).get_all("Requires-Dist", [])
    brought = {re.split(r"[^\w-]", need)[0] for need in needs if 'extra == "test"' in need}
    # jsonschema-rs comes with schemathesis; the tests use it themselves.
    assert brought - {"jsonschema-rs"} == names


async def test_it_answers_questions_without_the_checkout(wheel: Path, tmp_path: Path) -> None:
    site, work = tmp_path / "site", tmp_path / "work"
    zipfile.ZipFile(wheel).extractall(site)
    work.mkdir()
    (work / "preguntas.csv").write_text(
        "question,reference\n¿Capital de Perú?,Lima es la capital\n"
    )
    async with FakeModelServer(answer=lambda _: "Lima es la capital") as server:
        own = {"PYTHONPATH": str(site), "ANSWERLOOP_SCORER": "memory:"}
        own["ANSWERLOOP_LLM"] = server.url.replace("http://", "ollama://")
        others = {k: v for k, v in os.environ.items() if not k.startswith("ANSWERLOOP_")}
        command = "import app, app.cli.main as m; print(app.__file__, flush=True); m.main()"
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", command, "run", "preguntas.csv", "--out", "results.csv"),
            cwd=work,
            env={**others, **own},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    assert out.decode().startswith(str(site))
    [row] = csv.DictReader((work / "results.csv").read_text().splitlines())
    assert (row["status"], row["answer"]) == ("validated", "Lima es la capital"), row
