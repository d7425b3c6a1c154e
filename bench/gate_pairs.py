"""The pairs that come with the product, for the benches: questions with two good answers each."""

from __future__ import annotations

from app.calibration.builtin import Row, built_in_rows

__all__ = ["ROWS", "Row"]

ROWS = list(built_in_rows())
