"""Conditions on the fields of a decoded record: `cause=overloaded`, `answer~chile`, `f1<0.5`."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from app.errors import InputError

Condition = Callable[[Any], bool]

_FORM = re.compile(r"\s*([A-Za-z_]\w*(?:\.\w+)*)\s*(!=|>=|<=|=|~|>|<)(.*)", re.DOTALL)
_COMPARED: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}
_ABSENT = object()


def condition(text: str) -> Condition:
    """Return the condition that a text states, on the JSON of a record. Raises InputError.

    `.` leads into objects and lists (`best.f1`, `movies.0.movieId`). A record that lacks the field
    meets only `!=`. `=` and `!=` compare numbers as numbers, all else as text (`null`, `true`);
    `~` finds a part of the text, whatever its case.
    """
    found = _FORM.fullmatch(text)
    if found is None:
        raise InputError(
            f"{text[:80]!r} is no condition: write field=value, field!=value, field~text,"
            " field<number or field>=number",
            field="--filter",
        )
    path, sign, wanted = found[1].split("."), found[2], found[3]
    if sign == "~":
        part = wanted.casefold()
        return lambda record: _contains(_value(record, path), part)
    if sign in _COMPARED:
        return _comparison(path, _COMPARED[sign], wanted, text)
    same = sign == "="
    return lambda record: _equals(_value(record, path), wanted) is same


def _comparison(
    path: list[str], compare: Callable[[float, float], bool], wanted: str, text: str
) -> Condition:
    try:
        limit = float(wanted)
    except ValueError:
        raise InputError(f"{text[:80]!r} compares with a number", field="--filter") from None

    def holds(record: Any) -> bool:
        value = _value(record, path)
        return _is_number(value) and compare(value, limit)

    return holds


def _value(record: Any, path: list[str]) -> Any:
    for name in path:
        if isinstance(record, dict):
            record = record.get(name, _ABSENT)
        elif isinstance(record, list) and name.isdecimal() and int(name) < len(record):
            record = record[int(name)]
        else:
            return _ABSENT
    return record


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _equals(value: Any, wanted: str) -> bool:
    if value is _ABSENT:
        return False
    if _is_number(value):
        with suppress(ValueError):
            return bool(value == float(wanted))
    return _text(value) == wanted


def _contains(value: Any, part: str) -> bool:
    return value is not _ABSENT and part in _text(value).casefold()


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value)
