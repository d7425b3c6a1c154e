"""The ratings pipeline: what a valid rating is, and where the recommender's models are."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from app.config.fields.group import Group


class RatingSettings(Group):
    rating_max_user_id: int = Field(
        138_493, ge=1, le=2**31 - 1, description="Largest user id of a valid rating"
    )
    rating_max_movie_id: int = Field(
        131_262, ge=1, le=2**31 - 1, description="Largest movie id of a valid rating"
    )
    rating_model_dir: Path | None = Field(
        None,
        description="Where recommender models are put and looked for; default: DATA_DIR/models",
    )
