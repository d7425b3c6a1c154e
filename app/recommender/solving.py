"""Regularised least squares for many rows at once: a half step of ALS, and the live fold-in.

A row has some columns with a target each. Its vector `x` minimises

    sum over its n columns j of (target_j - x . factors_j)^2
    + sum over c of (penalty.constant_c + n * penalty.per_rating_c) * x_c^2

Rows of like length are padded to one length and solved together; a padded column points at a row
of zeros, so it adds nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Wholes = npt.NDArray[np.int64]
Positions = npt.NDArray[np.int32]


class Penalty(NamedTuple):
    """What keeps the numbers of a vector small: an amount, and one more for each rating."""

    constant: npt.NDArray[np.float64]
    """(width)."""
    per_rating: npt.NDArray[np.float64]
    """(width)."""


#: Numbers of the padded factors that one block may hold: it stays near the processor's cache.
_BLOCK_NUMBERS = 2_000_000
#: A block's longest row is at most this much longer than its shortest, and a few columns.
_STRETCH, _SLACK = 1.25, 4


def with_zero_row(factors: Floats) -> Floats:
    """Return the factors with a row of zeros at the end: where padded columns point."""
    found: Floats = np.vstack((factors, np.zeros((1, factors.shape[1]), dtype=np.float32)))
    return found


def solve_rows(
    starts: Wholes,
    columns: Positions,
    targets: Floats,
    factors: Floats,
    penalty: Penalty,
    pool: Executor | None = None,
) -> Floats:
    """Solve all rows of a CSR matrix; a row without columns is 0.

    `starts` (rows + 1), `columns` and `targets` (entries), `factors` (columns + 1, width) with a
    row of zeros at the end. Returns (rows, width). The result of a row does not
    depend on `pool`.
    """
    lengths = np.diff(starts)
    solved = np.zeros((len(lengths), factors.shape[1]), dtype=np.float32)

    def solve(rows: Wholes) -> None:
        solved[rows] = _solve_block(rows, starts, lengths, columns, targets, factors, penalty)

    blocks = _blocks(lengths, factors.shape[1])
    if pool is None:
        for rows in blocks:
            solve(rows)
    else:
        list(pool.map(solve, blocks))
    return solved


def _blocks(lengths: Wholes, width: int) -> Iterator[Wholes]:
    """Give the rows that have columns, in blocks of like length."""
    order = np.argsort(lengths, kind="stable")
    order = order[np.searchsorted(lengths[order], 1) :]
    ordered = lengths[order]
    first = 0
    while first < len(order):
        longest = int(ordered[first] * _STRETCH) + _SLACK
        last = int(np.searchsorted(ordered, longest, side="right"))
        most = max(1, _BLOCK_NUMBERS // (int(ordered[last - 1]) * width))
        last = min(last, first + most)
        yield order[first:last]
        first = last


def _solve_block(
    rows: Wholes,
    starts: Wholes,
    lengths: Wholes,
    columns: Positions,
    targets: Floats,
    factors: Floats,
    penalty: Penalty,
) -> Floats:
    turn = np.arange(int(lengths[rows].max()))
    there = turn < lengths[rows, None]
    at = np.where(there, starts[rows, None] + turn, 0)
    known = factors[np.where(there, columns[at], len(factors) - 1)]
    wanted = np.where(there, targets[at], np.float32(0))
    across = known.transpose(0, 2, 1)
    squares = (across @ known).astype(np.float64)
    diagonal = np.arange(factors.shape[1])
    penalties = penalty.constant + lengths[rows, None] * penalty.per_rating
    squares[:, diagonal, diagonal] += penalties
    sums = (across @ wanted[:, :, None]).astype(np.float64)
    found: Floats = np.linalg.solve(squares, sums)[:, :, 0].astype(np.float32)
    return found
