"""Routes of the ratings pipeline."""

from __future__ import annotations

from aiohttp import web

from agents.ratings.context import RatingsContext


def add_routes(app: web.Application, context: RatingsContext) -> None:
    """Add `/ratings/...` and `/recommendations/...`."""
