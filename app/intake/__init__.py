"""Taking questions in: identity, look-ups, and the log. Shared by the API, `ask` and `run`."""

from app.intake.asked import Asked, Found, NewQuestion, Taken
from app.intake.intake import Intake

__all__ = ["Asked", "Found", "Intake", "NewQuestion", "Taken"]
