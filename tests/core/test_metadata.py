"""What may hang on a question."""

from __future__ import annotations

from typing import Any

import pytest

from app.core.metadata import MAX_DEPTH, metadata_problem


def nested(depth: int) -> dict[str, Any]:
    value: Any = 1
    for _ in range(depth - 2):
        value = [value]
    return {"a": value}


@pytest.mark.parametrize(
    "fine", [{}, {"a": None, "b": [1, 2.5, True, {"c": "text"}]}, nested(MAX_DEPTH)]
)
def test_ordinary_json_travels(fine: dict[str, Any]) -> None:
    assert metadata_problem(fine) is None


@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 900, 50_000])
def test_endless_nesting_does_not(depth: int) -> None:
    assert "deeper than 32" in (metadata_problem(nested(depth)) or "")


@pytest.mark.parametrize("bad", [{"a": "x\x00"}, {"\x00": 1}, {"a": [{"b": ["\x00"]}]}])
def test_a_nul_does_not(bad: dict[str, Any]) -> None:
    assert metadata_problem(bad) == "it has a NUL character"
