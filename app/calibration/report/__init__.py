"""A calibration for people: a standalone HTML page."""

from app.calibration.report.page import render

__all__ = ["render"]
