"""What a chaos run found, for people: a standalone HTML page, and a table on the terminal."""

from app.chaos.report.page import render

__all__ = ["render"]
