"""Wires topics, tables, stages and timers to ports: one Faust app for each pipeline.

`create_app` makes the question pipeline's, `create_ratings_app` that of the ratings. Nothing is
connected by it.
"""

from app.factory.questions import CHUNK, PipelineApp, create_app
from app.factory.ratings import RATINGS_CHUNK, RatingsApp, create_ratings_app
from app.factory.stage_app import StageApp

__all__ = [
    "CHUNK",
    "RATINGS_CHUNK",
    "PipelineApp",
    "RatingsApp",
    "StageApp",
    "create_app",
    "create_ratings_app",
]
