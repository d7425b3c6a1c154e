"""Conditions on decoded records."""

from __future__ import annotations

import pytest

from app.errors import InputError
from app.inspection.filters import condition

RECORD = {
    "status": "dead",
    "f1": 0.5,
    "final": True,
    "best": {"f1": 0.25, "answer": "Año nuevo, ÑANDÚ"},
    "cause": None,
    "movies": [{"movieId": 32}],
    "text": "a=b",
}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("status=dead", True),
        ("status=Dead", False),
        ("status!=dead", False),
        ("nothing!=dead", True),
        ("nothing=", False),
        ("f1=0.50", True),
        ("f1<0.5", False),
        ("f1<=0.5", True),
        ("f1>=1e-1", True),
        ("status>1", False),
        ("final=true", True),
        ("final>0", False),
        ("cause=null", True),
        ("best.f1<0.3", True),
        ("best.answer~ñandú", True),
        ("best.answer~nandu", False),
        ("movies.0.movieId=32", True),
        ("movies.7.movieId=32", False),
        ("text=a=b", True),
        ("status.length=4", False),
    ],
)
def test_a_condition_holds_or_not(text: str, holds: bool) -> None:
    assert condition(text)(RECORD) is holds


@pytest.mark.parametrize("text", ["", "status", "=x", "a b=c", "f1<many", "1=2", "a.=3"])
def test_what_is_no_condition_is_refused_with_the_option(text: str) -> None:
    with pytest.raises(InputError) as refused:
        condition(text)
    assert refused.value.field == "--filter"


def test_no_record_at_all_meets_only_not_equal() -> None:
    assert condition("a!=b")(None)
    assert not condition("a~b")([1, 2])
