"""The module-level Faust apps: `faust -A app.worker worker -l info` runs the question pipeline.

Reading the settings is all that happens on import; nothing is connected.
"""

from __future__ import annotations

import sys

from app.errors import SettingsError
from app.factory import PipelineApp, create_app
from app.settings import Settings, load_settings
from app.web.server import serve_http


def build(settings: Settings) -> PipelineApp:
    """Return the question pipeline with its HTTP server."""
    pipeline = create_app(settings)
    pipeline.owns_process = True
    serve_http(pipeline, settings)
    return pipeline


def _from_environment() -> PipelineApp:
    try:
        return build(load_settings())
    except SettingsError as error:
        sys.stderr.write(f"answerloop: {error}\n")
        raise SystemExit(error.exit_code) from None


app = _from_environment()
