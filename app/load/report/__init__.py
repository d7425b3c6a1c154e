"""The page of a run: standalone HTML without network, script or other files."""

from app.load.report.page import render, write_page

__all__ = ["render", "write_page"]
