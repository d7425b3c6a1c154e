"""Numbers in texts: notations, words, what is none, and which are the same."""

from __future__ import annotations

import pytest

from app.core.guards.figures import Figure, figures


def read(text: str) -> list[set[float]]:
    return [set(figure.values) for figure in figures(text)]


def only(text: str) -> Figure:
    [figure] = figures(text)
    return figure


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1000", [{1000}]),
        ("1,000", [{1000, 1}]),
        ("1.000", [{1000, 1}]),
        ("1.234.567 habitantes", [{1_234_567}]),
        ("299 792 458 m/s", [{299_792_458}]),
        ("1,5", [{1.5}]),
        ("1.234,56", [{1234.56}]),
        ("1,234.56", [{1234.56}]),
        ("25 % and 30%", [{25}, {30}]),
        ("100 °C, 100°", [{100}, {100}]),
        ("80km and 5kg", [{80}, {5}]),
        ("the 9th", [{9}]),
        ("eight, ocho, twenty, veinte", [{8}, {8}, {20}, {20}]),
        ("ninety-five and noventa y cinco", [{95}, {95}]),
        ("two hundred and fifty", [{250}]),
        ("2 and a half, 4 y media", [{2.5}, {4.5}]),
        ("1.5 million, 58 millones", [{1_500_000}, {58_000_000}]),
        ("3 x 10^8", [{300_000_000}]),
        ("at 12:30", [{12.5}]),
    ],
)
def test_notations_and_words_are_read(text: str, values: list[set[float]]) -> None:
    assert read(text) == values


@pytest.mark.parametrize(
    "text", ["H2O", "CO2 and O2", "carbon-14", "1. First\n2) Second", "metres per second"]
)
def test_names_and_marks_are_no_numbers(text: str) -> None:
    assert [figure for figure in figures(text) if not figure.weak] == []


@pytest.mark.parametrize("text", ["one", "once", "un", "first", "octavo"])
def test_everyday_words_are_weak(text: str) -> None:
    assert only(text).weak


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1,000", "1.000"),
        ("seven", "7"),
        ("299,792,458", "299792.458"),
        ("about 300,000", "299,792,458"),
        ("casi 7.000", "6961"),
        ("0.05", "5"),
    ],
)
def test_these_may_be_the_same(one: str, other: str) -> None:
    assert only(one).same(only(other))
    assert only(other).same(only(one))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("7", "8"),
        ("about 1989", "1990"),
        ("5,730", "5,700"),
        ("about 150,000", "299,792,458"),
        ("12:10", "12:30"),
    ],
)
def test_these_are_not(one: str, other: str) -> None:
    assert not only(one).same(only(other))
