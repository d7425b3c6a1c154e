"""Checks of Python and of the libraries, against what this package asks for."""

from __future__ import annotations

import importlib.metadata
import platform
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from app.doctor.check import Site
from app.doctor.outcome import Outcome, advice, command, ok, problem, together, warning
from app.settings import Settings

#: The versions of Python that are tried; the first can't be gone below.
OLDEST, NEWEST = (3, 11), (3, 13)
_REQUIREMENT = re.compile(r'([\w.-]+)(?:\[[^]]*\])?\s*([^;]*?)\s*(?:;\s*extra == "([\w-]+)")?')
_CLAUSE = re.compile(r"\s*(==|!=|>=|<=|~=|<|>)\s*([\w.+!-]+)\s*")


@dataclass(frozen=True, slots=True)
class Requirement:
    """A library that a package asks for. `extra`: only with that extra of it."""

    name: str
    specifier: str
    extra: str | None

    @property
    def installed(self) -> str | None:
        try:
            return importlib.metadata.version(self.name)
        except importlib.metadata.PackageNotFoundError:
            return None


async def python(_: Site) -> Outcome:
    found = sys.version_info[:2]
    seen = f"{platform.python_implementation()} {platform.python_version()} ({sys.executable})"
    mend = advice(f"make an environment with Python {NEWEST[0]}.{NEWEST[1]}: python3.13 -m venv")
    if found < OLDEST:
        return problem(seen, mend)
    return ok(seen) if found <= NEWEST else warning(f"{seen} is newer than what is tried", mend)


async def libraries(site: Site) -> Outcome:
    try:
        asked = list(requirements())
    except importlib.metadata.PackageNotFoundError:
        return warning(
            "the package answerloop is not installed: nothing says which libraries it needs",
            command(f"{sys.executable} -m pip install ."),
        )
    needed = extras_needed(site.settings)
    wrong: list[Outcome] = []
    bad: list[str] = []
    for each in asked:
        of_need = each.extra is None or each.extra in needed
        if each.installed is None:
            if of_need:
                wrong.append(problem(f"{each.name} is missing"))
                bad.append(f"{each.name}{each.specifier}")
        elif not satisfies(each.installed, each.specifier):
            seen = f"{each.name} is {each.installed}, not {each.specifier}"
            wrong.append(problem(seen) if of_need else warning(seen))
            bad.append(f"{each.name}{each.specifier}")
    if not wrong:
        shown = ("faust-streaming", "aiokafka", "bert-score", "transformers", "torch")
        versions = {r.name: r.installed for r in asked if r.name in shown and r.installed}
        return ok(", ".join(f"{name} {version}" for name, version in versions.items()))
    found = together(wrong, "")
    packages = " ".join(f"'{each}'" for each in dict.fromkeys(bad))
    return Outcome(
        found.status, found.seen, (command(f"{sys.executable} -m pip install {packages}"),)
    )


def requirements(package: str = "answerloop") -> Iterator[Requirement]:
    """Give what an installed package asks for. Raises PackageNotFoundError."""
    for line in importlib.metadata.requires(package) or ():
        if match := _REQUIREMENT.fullmatch(line):
            yield Requirement(match[1], match[2].strip("() "), match[3])


def extras_needed(settings: Settings) -> set[str]:
    """Return the extras without which these settings can't work."""
    needed = set()
    if settings.scorer == "local:":
        needed.add("scorer")
    if settings.llm == "bundled:":
        needed.add("bundled")
    return needed


def satisfies(version: str, specifier: str) -> bool:
    """Tell whether a version is in a range such as `<5,>=4.45`; numbers are compared, no words."""
    found = _numbers(version)
    for clause in filter(None, specifier.split(",")):
        match = _CLAUSE.fullmatch(clause)
        if match is None:
            continue
        operator, wanted = match[1], _numbers(match[2])
        width = max(len(found), len(wanted))
        left, right = _padded(found, width), _padded(wanted, width)
        fits = {
            "==": left == right,
            "!=": left != right,
            ">=": left >= right,
            "<=": left <= right,
            "<": left < right,
            ">": left > right,
            "~=": left >= right and found[: len(wanted) - 1] == wanted[:-1],
        }
        if not fits[operator]:
            return False
    return True


def _numbers(version: str) -> tuple[int, ...]:
    release = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(map(int, release[0].split("."))) if release else ()


def _padded(numbers: tuple[int, ...], width: int) -> tuple[int, ...]:
    return numbers + (0,) * (width - len(numbers))
