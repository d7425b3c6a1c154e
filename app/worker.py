"""The module-level Faust apps: `faust -A app.worker worker -l info` runs the question pipeline,
`faust -A app.worker:ratings worker -l info` that of the ratings.

Each is made when it is first asked for, from the settings of that moment; nothing is connected.
"""

from __future__ import annotations

import sys

from app.errors import SettingsError
from app.factory import PipelineApp, RatingsApp, create_app, create_ratings_app
from app.settings import Settings, load_settings
from app.web.server import serve_http

app: PipelineApp
ratings: RatingsApp


def build(settings: Settings) -> PipelineApp:
    """Return the question pipeline with its HTTP server."""
    pipeline = create_app(settings)
    pipeline.owns_process = True
    serve_http(settings, questions=pipeline)
    return pipeline


def build_ratings(settings: Settings) -> RatingsApp:
    """Return the ratings pipeline with its HTTP server."""
    pipeline = create_ratings_app(settings)
    pipeline.owns_process = True
    serve_http(settings, ratings=pipeline)
    return pipeline


_BUILDERS = {"app": build, "ratings": build_ratings}


def __getattr__(name: str) -> PipelineApp | RatingsApp:
    if name not in _BUILDERS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        made = _BUILDERS[name](load_settings())
    except SettingsError as error:
        sys.stderr.write(f"answerloop: {error}\n")
        raise SystemExit(error.exit_code) from None
    globals()[name] = made
    return made
