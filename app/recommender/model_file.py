"""One model, one file: safetensors, with a checksum over everything, put in place whole.

`ratings-<version>.safetensors` holds the arrays of `RatingModel` and, as metadata of the format,
the facts as JSON. Nothing in it is code: reading a file of somebody else's can fail, not run.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from app.data_dir.private_files import make_private_folder
from app.errors import InputError
from app.recommender.als import Regularisation
from app.recommender.model import ModelFacts, RatingModel, Rmse

FORMAT = "answerloop-ratings"
FORMAT_VERSION = 1
#: Name and type of each array in the file.
ARRAYS = {
    "movie_ids": np.uint32,
    "movies": np.float32,
    "movie_counts": np.int64,
    "movie_halves": np.int64,
    "user_ids": np.uint32,
    "users": np.float32,
    "starts": np.int64,
    "columns": np.int32,
    "halves": np.uint8,
}
_IDS = ("movie_ids", "user_ids")
_NAME = re.compile(r"ratings-([0-9A-Za-z.]{1,64})\.safetensors")
MEND = "fit again (`answerloop ratings fit`), or remove the file"


class BrokenModel(InputError):
    """A model file can't be used: cut off, altered, of another format, or with senseless values."""


def path_of(folder: Path, version: str) -> Path:
    return folder / f"ratings-{version}.safetensors"


def model_files(folder: Path) -> list[Path]:
    """Return the model files of a folder, the newest version first; none where it is missing."""
    try:
        found = [path for path in folder.iterdir() if _NAME.fullmatch(path.name)]
    except FileNotFoundError:
        return []
    return sorted(found, key=lambda path: path.name, reverse=True)


def write_model(folder: Path, model: RatingModel) -> Path:
    """Write a model for us alone (mode 0600); it appears whole, or not at all."""
    tensors = {
        name: np.ascontiguousarray(getattr(model, name), dtype=kind)
        for name, kind in ARRAYS.items()
    }
    values = {**asdict(model.facts), "mean": model.mean}
    values["regularisation"] = model.facts.regularisation._asdict()
    facts = json.dumps(values, sort_keys=True)
    described = {"format": FORMAT, "format_version": str(FORMAT_VERSION), "facts": facts}
    content = save(tensors, {**described, "sha256": _checksum(tensors, described)})
    make_private_folder(folder)
    path = path_of(folder, model.version)
    part = folder / f".{path.name}.{os.getpid()}.part"
    part.unlink(missing_ok=True)
    number = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(number, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    directory = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
    return path


def read_model(path: Path) -> RatingModel:
    """Read and check a model. Raises BrokenModel that says what is wrong, OSError if unreadable."""
    trusted = (0, os.geteuid(), path.parent.stat().st_uid)
    if path.is_symlink() or path.stat().st_uid not in trusted:
        raise BrokenModel(f"{path} is a link, or belongs to somebody else: remove it")
    try:
        with safe_open(path, framework="numpy") as file:
            described = file.metadata() or {}
            names = set(file.keys())
            _refuse_other_formats(path, described, names)
            tensors = {name: file.get_tensor(name) for name in ARRAYS}
    except SafetensorError as error:
        raise BrokenModel(f"{path} is cut off or no safetensors file ({error}): {MEND}") from None
    given = described.pop("sha256", "")
    if given != _checksum(tensors, described):
        raise BrokenModel(f"{path} does not have the checksum that it names: {MEND}")
    for name, kind in ARRAYS.items():
        if tensors[name].dtype != kind:
            raise BrokenModel(f"{path}: {name} is {tensors[name].dtype}: {MEND}")
    try:
        facts, mean = _facts_of(json.loads(described["facts"]))
        arrays = {n: a.astype(np.int64) if n in _IDS else a for n, a in tensors.items()}
        model = RatingModel(facts=facts, mean=mean, **arrays)
        faults = model.faults()
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise BrokenModel(f"{path}: its facts can't be read ({error}): {MEND}") from None
    if faults:
        raise BrokenModel(f"{path}: {'; '.join(faults)}: {MEND}")
    if path != path_of(path.parent, model.version):
        raise BrokenModel(f"{path} holds version {model.version}: give it the name of that")
    return model


def _refuse_other_formats(path: Path, described: Mapping[str, str], names: set[str]) -> None:
    if described.get("format") != FORMAT:
        raise BrokenModel(f"{path} is not a rating model ({FORMAT}): {MEND}")
    version = described.get("format_version")
    if version != str(FORMAT_VERSION):
        raise BrokenModel(
            f"{path} has format version {version}, this program reads {FORMAT_VERSION}: {MEND}"
        )
    if names != set(ARRAYS):
        other = ", ".join(sorted(names ^ set(ARRAYS)))
        raise BrokenModel(f"{path} has missing or unknown arrays ({other}): {MEND}")


def _facts_of(values: dict[str, Any]) -> tuple[ModelFacts, float]:
    mean = values.pop("mean")
    rmse = values.pop("rmse")
    regularisation = Regularisation(**values.pop("regularisation"))
    facts = ModelFacts(**values, regularisation=regularisation, rmse=Rmse(**rmse) if rmse else None)
    if not all(math.isfinite(value) and value >= 0 for value in (*regularisation, mean)):
        raise ValueError("mean and regularisation must be numbers from 0")
    return facts, mean


def _checksum(tensors: Mapping[str, Any], described: Mapping[str, str]) -> str:
    """Return the SHA-256 of the description and of every array with its name, type and shape."""
    total = hashlib.sha256(json.dumps(dict(described), sort_keys=True).encode())
    for name in sorted(tensors):
        array = np.ascontiguousarray(tensors[name])
        total.update(f"\n{name} {array.dtype.str} {array.shape}\n".encode())
        total.update(array.reshape(-1).view(np.uint8).data)
    return total.hexdigest()
