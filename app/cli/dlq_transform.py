"""`--transform FILE.py:function`: code of the operator that mends messages, run here only."""

from __future__ import annotations

import base64
import importlib.util
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.errors import InputError
from app.letters.plans import Mended


@dataclass(frozen=True, slots=True)
class Letter:
    """What a transform gets. `value` is what would be sent; it may be mended and returned.

    Of a letter whose question is known (`question_id`) `value` is the question of the new round as
    JSON, else the message as it came. `original` is always the message as it came.
    """

    origin: str
    topic: str
    cause: str
    detail: str
    attempts: int
    question_id: str | None
    key: bytes | None
    value: bytes | None
    original: bytes | None


Function = Callable[[Letter], Any]


class TransformFailed(Exception):
    """The function raised, or returned what can't be sent. The text has file and line."""


@dataclass(frozen=True, slots=True)
class Transform:
    """A function and the file it came from."""

    name: str
    file: Path
    function: Function

    def __call__(self, row: dict[str, Any]) -> Mended | None:
        """Return the mended message of a letter, None to leave it. Raises TransformFailed."""
        letter = _letter_of(row)
        try:
            returned = self.function(letter)
        except Exception as error:
            raise TransformFailed(
                f"{self._place(error)}: {type(error).__name__}: {error}"
            ) from error
        if returned is None:
            return None
        pair = returned if isinstance(returned, tuple) else (None, returned)
        key, value = pair if len(pair) == 2 else (None, None)
        if not isinstance(value, bytes) or not isinstance(key, bytes | None):
            line = self.function.__code__.co_firstlineno
            raise TransformFailed(
                f"{self.file}:{line}: returned {_kind(returned)}; return bytes, (key, value) as"
                " bytes, or None to leave the letter"
            )
        return Mended(value, key)

    def _place(self, error: Exception) -> str:
        """Return file:line of the function's own frame that raised."""
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in frames if Path(frame.filename) == self.file]
        frame = (own or list(frames))[-1]
        return f"{frame.filename}:{frame.lineno}"


def load_transform(text: str) -> Transform:
    """Load `FILE.py:function`. Raises InputError saying what is wrong, and where."""
    path, _, name = text.rpartition(":")
    if not path or not name.isidentifier():
        raise InputError(f"--transform {text}: write FILE.py:function")
    file = Path(path).absolute()
    if not file.is_file():
        raise InputError(f"--transform {text}: there is no file {path}")
    function = getattr(_module(file), name, None)
    if not callable(function) or not hasattr(function, "__code__"):
        raise InputError(f"--transform {text}: {path} has no function {name}")
    return Transform(text, file, function)


def _module(file: Path) -> Any:
    spec = importlib.util.spec_from_file_location(f"answerloop_transform_{file.stem}", file)
    if spec is None or spec.loader is None:
        raise InputError(f"--transform: {file} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(file.parent))  # what lies beside it can be imported
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        raise InputError(f"--transform: {error.filename}:{error.lineno}: {error.msg}") from error
    except Exception as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        raise InputError(
            f"--transform: {frame.filename}:{frame.lineno}: {type(error).__name__}: {error}"
        ) from error
    finally:
        sys.path.remove(str(file.parent))
    return module


def _letter_of(row: dict[str, Any]) -> Letter:
    redrive = row["redrive"]
    mine = redrive if redrive["as"] == "question" else row
    return Letter(
        origin=row["origin"],
        topic=row["topic"],
        cause=row["cause"],
        detail=row["detail"],
        attempts=row["attempts"],
        question_id=row["question_id"],
        key=_bytes(mine["key_base64"]),
        value=_bytes(mine["value_base64"]),
        original=_bytes(row["value_base64"]),
    )


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text)


def _kind(returned: Any) -> str:
    if isinstance(returned, tuple):
        return f"({', '.join(type(each).__name__ for each in returned)})"
    return type(returned).__name__
