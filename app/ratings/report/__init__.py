"""What the ratings pipeline has done, for people: a standalone HTML page, and JSON of the same."""

from app.ratings.report.figures import RatingFigures, as_json
from app.ratings.report.page import render

__all__ = ["RatingFigures", "as_json", "render"]
